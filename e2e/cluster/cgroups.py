"""The cgroup that every container of the from-source cluster is in, of version 1 and 2 alike."""

import os
from pathlib import Path

from e2e.cluster import processes
from e2e.cluster.configuration import CGROUP
from e2e.cluster.mounts import Mount, mounted
from e2e.cluster.processes import Process


def roots(mounts: list[Mount]) -> list[Path]:
    """Returns the cluster's folder in each cgroup hierarchy: one a controller in version 1."""
    hierarchies = [mount.target for mount in mounts if mount.kind in ("cgroup", "cgroup2")]
    return [Path(f"{target}{CGROUP}") for target in hierarchies]


def create() -> None:
    """Makes the cgroup in every hierarchy; the kubelet refuses a root that does not exist."""
    for root in roots(mounted()):
        root.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # A cpuset of version 1 starts empty, and an empty one takes no process.
            path = root / setting
            if path.exists() and not path.read_text().strip():
                path.write_text((root.parent / setting).read_text())


def members() -> list[Process]:
    """Returns every process in the cgroup or below it."""
    ids = {
        int(word)
        for root in roots(mounted())
        for path in root.rglob("cgroup.procs")
        for word in path.read_text().split()
    }
    observed = [processes.observe(pid) for pid in ids]
    return [process for process in observed if process is not None]


def remove() -> list[Path]:
    """Removes the emptied cgroup, innermost folders first, and returns what could not be removed."""
    left = []
    for root in roots(mounted()):
        for folder, _, _ in os.walk(root, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                left.append(Path(folder))
    return left
