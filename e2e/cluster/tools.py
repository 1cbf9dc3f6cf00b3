"""The command line tools that ``exec`` puts first on the PATH: kubectl and helm, and nothing else."""

import os
import shutil
from pathlib import Path

from e2e.cluster.folders import Folders


def link(folders: Folders, programs: dict[str, Path]) -> Path:
    """Returns a folder that holds nothing but links to the given programs.

    The folders the programs lie in hold more, a ``python`` for one, which must not come before the
    caller's own.
    """
    folder = folders.cache / "tools"
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        # Linked aside and renamed: an `exec` at the same time sees the old one or the new one.
        partial = folder / f".{name}.{os.getpid()}"
        partial.unlink(missing_ok=True)
        partial.symlink_to(program)
        partial.rename(folder / name)
    return folder


def on_path(name: str) -> Path | None:
    """Returns a program of the machine's, or None."""
    found = shutil.which(name)
    return Path(found) if found else None


def environment(tools: Path, kubeconfig: Path) -> dict[str, str]:
    """Returns the variables for a command that is to reach a cluster."""
    return {"KUBECONFIG": str(kubeconfig), "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
