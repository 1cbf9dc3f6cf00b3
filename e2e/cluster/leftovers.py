"""Taking the from-source cluster away, whatever state it is in.

The same code serves ``down`` and the recovery from a killed run, so that recovery is exercised by
every ordinary use ("crash-only software", Candea and Fox, HotOS 2003). It relies on nothing that
runs: not on containerd, which may be dead, nor on complete records. What belongs to this cluster is
told by its place (mounts and files below the state folder), by its cgroup (containers), by the mark
in its environment (components, shims), and by the network's name (what CNI caches).
"""

import shutil
import time
from pathlib import Path

from e2e.cluster import cgroups, mounts, network, processes
from e2e.cluster.command import run
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.processes import Process

CNI_CACHE = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
NETWORK_NAMES = Path("/run/netns")
# Fixed in containerd and the kubelet, whatever their configuration says. Files that are this
# cluster's are removed one by one, and a folder only when it was not there before and is empty now.
SHARED_FOLDERS = (
    CNI_CACHE,
    CNI_CACHE.parent,
    CONTAINER_LOGS,
    DEVICE_PLUGINS,
    DEVICE_PLUGINS.parent,
    Path("/run/containerd/s"),
    Path("/run/containerd"),
    NETWORK_NAMES,
)
_REMAINS = "removed-"
# `ip netns add` mounts the folder onto itself, once a boot.
NETWORK_NAMES_MOUNTED = f"{NETWORK_NAMES} mounted"


def exist(folders: Folders) -> bool:
    """Says whether anything of a cluster, alive or dead, is there."""
    remains = any(folders.state.parent.glob(f"{_REMAINS}*"))
    return remains or folders.state.exists() or network.exists() or any(root.exists() for root in _cgroup_roots())


def note_absent(folders: Folders) -> None:
    """Writes down what of the machine's shared folders is not there before the cluster starts."""
    absent = [str(folder) for folder in SHARED_FOLDERS if not folder.exists()]
    if not _is_mounted(NETWORK_NAMES):
        absent.append(NETWORK_NAMES_MOUNTED)
    _absence_note(folders).write_text("\n".join(absent))


def clear(folders: Folders) -> None:
    """Removes everything of the cluster: processes, mounts, cgroups, namespaces; its files go to `sweep`.

    Raises:
        ClusterError: It belongs to another user or state folder and is alive, or it resists.
    """
    _refuse_others(folders)
    _end_processes(folders)
    busy = mounts.unmount_below(folders.state)
    if busy:
        raise ClusterError(f"still mounted: {', '.join(busy)}", "unmount it by hand, then run `down` again")
    _remove_cgroups()
    network.remove()
    _remove_shared_files(folders)
    if folders.state.exists():
        folders.state.rename(folders.state.with_name(f"{_REMAINS}{time.time_ns()}"))


def sweep(folders: Folders) -> None:
    """Deletes the files of cleared clusters.

    Apart from `clear`, because images unpacked for containers take seconds to delete, in which a
    new cluster can start already.
    """
    for remains in folders.state.parent.glob(f"{_REMAINS}*"):
        shutil.rmtree(remains)


def shim_sockets(containerd_state: Path) -> list[Path]:
    """Returns the sockets of containerd's shims, as its bundles name them.

    They lie in a folder that all containerds of a machine share, so that their own names say
    nothing.
    """
    notes = containerd_state.glob("io.containerd.runtime.v2.task/*/*/address")
    addresses = [note.read_text().strip() for note in notes]
    return [Path(address.removeprefix("unix://")) for address in addresses if address.startswith("unix://")]


def _cgroup_roots() -> list[Path]:
    return cgroups.roots(mounts.mounted())


def _refuse_others(folders: Folders) -> None:
    others = {state for state in processes.marked().values() if state != str(folders.state)}
    if others:
        raise ClusterError(
            f"another from-source cluster runs on this machine, with its state in {', '.join(sorted(others))}",
            "take it down as its user, with the XDG_STATE_HOME it was started with",
        )


def _own_processes(folders: Folders) -> set[Process]:
    marked = {process for process, state in processes.marked().items() if state == str(folders.state)}
    return {*marked, *processes.recorded(folders.run).values(), *cgroups.members()}


def _end_processes(folders: Folders) -> None:
    # More than once: containerd may have started a shim between the look and the kill.
    for _ in range(5):
        found = [process for process in _own_processes(folders) if processes.is_alive(process)]
        if not found:
            return
        processes.kill(found)
    left = ", ".join(str(process.pid) for process in found)
    raise ClusterError(f"these processes do not end: {left}", "see in /proc/PID/stack what they wait for")


def _remove_cgroups() -> None:
    deadline = time.monotonic() + 5.0
    # The kernel lets go of a cgroup a moment after its last process.
    while left := cgroups.remove():
        if time.monotonic() > deadline:
            raise ClusterError(
                f"cannot remove the cgroup {left[0]}", "end the processes in its cgroup.procs, then run `down` again"
            )
        time.sleep(0.05)


def container_ids(containerd_state: Path) -> list[str]:
    """Returns the ids of the containers and pods that ran last, as their bundles name them."""
    return [bundle.name for bundle in containerd_state.glob("io.containerd.runtime.v2.task/*/*")]


def _remove_shared_files(folders: Folders) -> None:
    containerd = folders.run / "containerd"
    loopbacks = [CNI_CACHE / f"cni-loopback-{identity}-lo" for identity in container_ids(containerd)]
    cached = CNI_CACHE.glob(f"{network.NAME}-*")
    logs = [link for link in CONTAINER_LOGS.glob("*") if _leads_below(link, folders.state)]
    for path in [*loopbacks, *cached, *logs, *shim_sockets(containerd)]:
        path.unlink(missing_ok=True)
    note = _absence_note(folders)
    absent_before = note.read_text().splitlines() if note.exists() else []
    if str(DEVICE_PLUGINS) in absent_before:
        (DEVICE_PLUGINS / "kubelet.sock").unlink(missing_ok=True)
    if NETWORK_NAMES_MOUNTED in absent_before and _is_mounted(NETWORK_NAMES) and not any(NETWORK_NAMES.iterdir()):
        run(["umount", NETWORK_NAMES])
    for folder in SHARED_FOLDERS:
        if str(folder) in absent_before and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def _absence_note(folders: Folders) -> Path:
    return folders.state / "absent-before"


def _is_mounted(folder: Path) -> bool:
    return str(folder) in {mount.target for mount in mounts.mounted()}


def _leads_below(link: Path, folder: Path) -> bool:
    return link.is_symlink() and str(link.readlink()).startswith(f"{folder}/")
