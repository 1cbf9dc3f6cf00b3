"""The machine on which is measured: figures mean nothing without it."""

import os
import platform
from dataclasses import dataclass

#: A load average from which on something else than the benchmark is what is measured.
QUIET = 0.5


@dataclass(frozen=True)
class Machine:
    """What is said of the machine.

    Attributes:
        cores: Processors that this process may use.
        kernel: Its name and version.
        python: Version of Python.
        load: Load average of the last minute.
    """

    cores: int
    kernel: str
    python: str
    load: float

    @classmethod
    def observe(cls) -> "Machine":
        """Looks at the machine."""
        kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
        return cls(len(os.sched_getaffinity(0)), kernel, platform.python_version(), os.getloadavg()[0])

    @property
    def warning(self) -> str:
        """Why figures would not be trustworthy; empty if they are."""
        if self.load <= QUIET:
            return ""
        return f"the load average is {self.load:.2f} already: wait until it is under {QUIET}, or distrust the figures"

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.kernel}, Python {self.python}, load average {self.load:.2f} before"
