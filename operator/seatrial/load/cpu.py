"""How much CPU the worker may use, and how long it was kept from using more (control groups of version 2 and 1)."""

import os
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_TICKS = os.sysconf("SC_CLK_TCK")

#: Environment variable with the container's CPU limit in thousandths of a core, where no control group is to be seen.
LIMIT_VARIABLE = "SEATRIAL_CPU_LIMIT"


class Cpu:
    """The CPU of this process's container.

    Args:
        cores: Generators in the container, which share it.
        most: Cores that one of them can use, whatever its container may: ours is one thread.
        root: Where control groups are mounted. Where there are none, as on a laptop, a whole core is taken for granted.
        environment: May hold the limit too.

    Attributes:
        limit: Cores that this process may use, above 0 and up to ``most``.
    """

    def __init__(
        self,
        root: Path = _ROOT,
        environment: Mapping[str, str] = os.environ,
        *,
        cores: int = 1,
        most: float = 1.0,
    ) -> None:
        self._root = root
        self._cores = cores
        told = environment.get(LIMIT_VARIABLE, "")
        limit = min(_quota(root), int(told) / 1000 if told.isdecimal() and int(told) else inf)
        self.limit = min(limit / cores, most)

    def throttled(self) -> float:
        """Seconds, of each core, for which the container was kept from running because its limit was used up."""
        stat = _read(self._root / "cpu.stat") or _read(self._root / "cpu/cpu.stat")
        values = dict(line.split(" ", 1) for line in stat.splitlines() if " " in line)
        seconds = int(values.get("throttled_usec", 0)) / 1e6 + int(values.get("throttled_time", 0)) / 1e9
        return seconds / self._cores


def spent_by(pids: Iterable[int], proc: Path = Path("/proc")) -> int:
    """CPU time that processes have used, and their children that have ended, in nanoseconds.

    Args:
        pids: Their ids; one that has ended is left out.
        proc: Where Linux tells of processes.
    """
    total = 0
    for pid in pids:
        # The name in parentheses may hold anything; after it come fields 3 on, of which 14 to 17 are times (proc(5)).
        fields = _read(proc / str(pid) / "stat").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total * 1_000_000_000 // _TICKS


def _quota(root: Path) -> float:
    quota, _, period = _read(root / "cpu.max").strip().partition(" ")
    if not quota:
        quota = _read(root / "cpu/cpu.cfs_quota_us").strip()
        period = _read(root / "cpu/cpu.cfs_period_us").strip()
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
        return int(quota) / int(period)
    return inf


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
