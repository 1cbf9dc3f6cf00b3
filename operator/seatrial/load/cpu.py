"""How much CPU the worker may use, and how long it was kept from using more (cgroup v2, and v1's quota)."""

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


class Cpu:
    """The CPU of this process's container.

    A worker is one thread, so it uses one core at most, whatever its container may.

    Args:
        root: Where control groups are mounted. Where there are none, as on a laptop, a whole core is taken for granted.

    Attributes:
        limit: Cores that the worker may use, above 0 and up to 1.
    """

    def __init__(self, root: Path = _ROOT) -> None:
        self._root = root
        self.limit = min(_quota(root), 1.0)

    def throttled(self) -> float:
        """Seconds for which the container has been kept from running because its limit was used up."""
        for line in _read(self._root / "cpu.stat").splitlines():
            name, _, value = line.partition(" ")
            if name == "throttled_usec" and value.isdecimal():
                return int(value) / 1e6
        return 0.0


def _quota(root: Path) -> float:
    quota, _, period = _read(root / "cpu.max").strip().partition(" ")
    if not quota:
        quota = _read(root / "cpu/cpu.cfs_quota_us").strip()
        period = _read(root / "cpu/cpu.cfs_period_us").strip()
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
        return int(quota) / int(period)
    return 1.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
