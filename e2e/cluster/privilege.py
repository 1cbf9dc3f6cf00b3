"""Root, which namespaces, mounts and cgroups need; by sudo where the caller is somebody else."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.command import become, succeeds
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders

_KEPT = ("PATH", "XDG_CACHE_HOME", "XDG_STATE_HOME")


def is_root() -> bool:
    """Says whether this process may do everything."""
    return os.geteuid() == 0


def become_root(folders: Folders, module: str = "e2e.cluster") -> None:
    """Runs this same command again as root; returns only where it is root already.

    Args:
        folders: The caller's, which root goes on using.
        module: What ``python3 -m`` was called with.

    Raises:
        ClusterError: sudo is missing or asks for a password.
    """
    if is_root():
        return
    _require_sudo()
    places = {"XDG_CACHE_HOME": folders.cache.parents[1], "XDG_STATE_HOME": folders.state.parents[1]}
    settings = [f"{name}={places.get(name, os.environ.get(name, ''))}" for name in _KEPT]
    words = ["sudo", "-n", "env", *settings, sys.executable, "-m", module, *sys.argv[1:]]
    become(words)


def as_caller(enter: Sequence[str], argv: Sequence[str], variables: dict[str, str]) -> list[str]:
    """Returns the arguments that enter somewhere as root and run a command there as the caller.

    Args:
        enter: Arguments of a program that runs another one, and needs root.
        argv: The command.
        variables: What the command needs in its environment; sudo may drop the rest of it.
    """
    if is_root():
        return [*enter, *argv]
    _require_sudo()
    back = ["setpriv", "--reuid", str(os.getuid()), "--regid", str(os.getgid()), "--init-groups"]
    settings = [f"{name}={value}" for name, value in {**os.environ, **variables}.items()]
    return ["sudo", "-n", *enter, *back, "env", *settings, *argv]


def give_to_caller(paths: Sequence[Path]) -> None:
    """Gives files made under sudo to whoever called sudo, so that they can be read without it."""
    user, group = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if user and group:
        for path in paths:
            os.chown(path, int(user), int(group))


def _require_sudo() -> None:
    if not succeeds(["sudo", "-n", "true"]):
        raise ClusterError(
            "the from-source cluster needs root, and sudo does not work without a password here",
            "run the command as root, start Docker with kind, or name a cluster with --context",
        )
