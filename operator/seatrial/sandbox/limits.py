"""What one evaluation may use up, and what bounds it."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Bytes of memory that one evaluation may take, beyond what its process has before.
MEMORY_BYTES: Final = 128 << 20
#: Bytes by which what is kept between evaluations may grow; a process that has grown further is replaced.
GROWTH_BYTES: Final = 48 << 20

_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Budget:
    """Time for one evaluation.

    Attributes:
        cpu: Seconds of CPU time, after which the kernel ends the process.
        wall: Seconds by the clock, after which the operator does.
    """

    cpu: float
    wall: float


#: Everybody's: what an ordinary evaluation needs many times over, and too little to keep others waiting.
QUICK: Final = Budget(cpu=0.025, wall=2.0)
#: For what needs more than that.
SLOW: Final = Budget(cpu=2.0, wall=20.0)


@contextmanager
def limited(cpu: float) -> Iterator[None]:
    """Has the kernel end this process when what follows takes longer, and refuse it memory when it takes more.

    Neither a handler of Python's nor an exception could interrupt the expression library: SIGPROF keeps its default,
    which is to end the process.
    """
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + MEMORY_BYTES, hard))
    signal.setitimer(signal.ITIMER_PROF, cpu)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def data_bytes() -> int:
    """Bytes of memory of this process that are its own (proc(5), statm, data and stack)."""
    return int(Path("/proc/self/statm").read_bytes().split()[5]) * _PAGE
