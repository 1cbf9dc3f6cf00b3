"""Debian packages: what is missing is named first and then installed."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.command import run, succeeds
from e2e.cluster.failure import ClusterError
from e2e.cluster.progress import Progress

# Each package with a program or file that shows it is there. The program is asked for and not dpkg:
# where Docker's own `containerd.io` is installed, Debian's `containerd` would push it out.
CLUSTER = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iproute2": "ip",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "util-linux": "nsenter",
    "openssl": "openssl",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
}
IMAGES = {"buildah": "buildah", "debootstrap": "debootstrap"}
ADMINISTRATOR_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def missing(packages: dict[str, str]) -> list[str]:
    """Returns the packages whose program or file is not there."""
    return [package for package, shown_by in packages.items() if not _is_there(shown_by)]


def ensure(packages: dict[str, str], progress: Progress) -> None:
    """Installs what is missing.

    Raises:
        ClusterError: This is no Debian, or the caller may not install packages.
    """
    absent = missing(packages)
    if not absent:
        return
    names = " ".join(absent)
    if shutil.which("apt-get") is None:
        raise ClusterError(
            f"these are missing, and there is no apt-get to install them: {names}",
            "install what holds them on this distribution, start Docker with kind, or name a cluster with --context",
        )
    progress.say(f"will install Debian packages: {names}")
    with progress.step("apt-get update"):
        _as_root(["apt-get", "update"], timeout=300)
    with progress.step(f"apt-get install {names}"):
        _as_root(["apt-get", "install", "-y", "--no-install-recommends", *absent], timeout=900)


def _is_there(shown_by: str) -> bool:
    if shown_by.startswith("/"):
        return Path(shown_by).exists()
    # Debian leaves the administrator's folders out of an ordinary user's PATH.
    path = os.pathsep.join([os.environ.get("PATH", ""), *ADMINISTRATOR_FOLDERS])
    return shutil.which(shown_by, path=path) is not None


def _as_root(argv: Sequence[str], *, timeout: float) -> None:
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() == 0:
        run([*environment, *argv], timeout=timeout)
    elif succeeds(["sudo", "-n", "true"]):
        run(["sudo", "-n", *environment, *argv], timeout=timeout)
    else:
        raise ClusterError(
            f"`{' '.join(argv)}` needs root, and sudo does not work without a password here",
            "run it as root, start Docker with kind, or name a cluster with --context",
        )
