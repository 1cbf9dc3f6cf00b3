from pathlib import Path

from e2e.cluster import cgroups, leftovers, mounts
from e2e.cluster.mounts import Mount

STATE = Path("/home/a b/.local/state/seatrial/cluster")
ESCAPED = "/home/a\\040b/.local/state/seatrial/cluster"
TABLE = f"""\
proc /proc proc rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
tmpfs {ESCAPED}/kubelet/pods/1/volumes/token tmpfs rw 0 0
overlay {ESCAPED}/run/containerd/1/rootfs overlay rw 0 0
tmpfs {ESCAPED}/run/containerd/1/rootfs/dev tmpfs rw 0 0
overlay {ESCAPED}-of-another/rootfs overlay rw 0 0
"""


def test_mounts_of_the_cluster_are_found_innermost_first_and_no_others() -> None:
    assert mounts.below(mounts.parse(TABLE), STATE) == [
        f"{STATE}/run/containerd/1/rootfs/dev",
        f"{STATE}/run/containerd/1/rootfs",
        f"{STATE}/kubelet/pods/1/volumes/token",
    ]


def test_a_line_that_is_no_mount_is_passed_over() -> None:
    assert mounts.parse("garbage\n\nproc /proc proc rw 0 0\n") == [Mount("/proc", "proc")]


def test_the_cgroup_is_looked_for_in_each_hierarchy() -> None:
    roots = cgroups.roots(mounts.parse(TABLE))
    assert roots == [Path("/sys/fs/cgroup/memory/seatrial"), Path("/sys/fs/cgroup/unified/seatrial")]


def test_shims_are_known_by_their_bundles(tmp_path: Path) -> None:
    tasks = tmp_path / "io.containerd.runtime.v2.task" / "k8s.io"
    for name, address in (("pod1", "unix:///run/containerd/s/aa"), ("pod2", "unix:///run/containerd/s/bb\n")):
        (tasks / name).mkdir(parents=True)
        (tasks / name / "address").write_text(address)
    (tasks / "half-made").mkdir()
    assert sorted(leftovers.shim_sockets(tmp_path)) == [Path("/run/containerd/s/aa"), Path("/run/containerd/s/bb")]
    assert sorted(leftovers.container_ids(tmp_path)) == ["half-made", "pod1", "pod2"]


def test_a_dead_containerd_without_any_state_leaves_no_shims(tmp_path: Path) -> None:
    assert leftovers.shim_sockets(tmp_path / "absent") == []
    assert leftovers.container_ids(tmp_path / "absent") == []
