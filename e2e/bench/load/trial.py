"""What the generators are compared by, and our own."""

import json
import sys
from dataclasses import dataclass
from statistics import median
from typing import Any

from e2e.bench.load.program import Busy, Ended, run
from seatrial.load.line import WorkerLine, parse_line

#: Connections (wrk), virtual users (k6) and users (Locust, ours).
USERS = 64
#: Rounds, interleaved, of which the median counts; and how long each generator runs in one.
ROUNDS = 5
SECONDS = 4


@dataclass(frozen=True)
class Run:
    """What one generator did in one round.

    Attributes:
        rate: Requests per second, as it reports.
        cpu_us: CPU time of its own for each request, in microseconds.
        server_busy: Share of its core that the server used: near 1, the server is what was measured.
    """

    rate: float
    cpu_us: float
    server_busy: float


@dataclass(frozen=True)
class Worked:
    """What a worker of ours has printed and left.

    Attributes:
        lines: Its lines; the last one is its whole result.
        ended: What the process has left.
    """

    lines: list[WorkerLine]
    ended: Ended

    @property
    def last(self) -> WorkerLine:
        """The whole result."""
        return self.lines[-1]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.last.requests / self.last.measured

    @property
    def cpu_us(self) -> float:
        """CPU time for each request, by its own account of each second: starting Python is no cost of a request."""
        return median(line.cpu / line.per_second for line in self.lines if line.per_second) * 1e6


def work(port: int, server: Busy, spec: dict[str, Any], *, errors: bool = False) -> Worked:
    """Runs ``seatrial worker`` on a load against a port on loopback.

    Args:
        port: The port.
        server: What answers there.
        spec: The load, but for its target.
        errors: Whether requests may fail.

    Raises:
        RuntimeError: It fails.
    """
    environment = {
        "SEATRIAL_LOAD": json.dumps({"target": {"service": "target"}, **spec}),
        "SEATRIAL_TARGET": f"127.0.0.1:{port}",
    }
    ended = run([sys.executable, "-m", "seatrial", "worker"], server, environment)
    worked = Worked([parse_line(line) for line in ended.output.splitlines()], ended)
    assert worked.last.final, "the worker did not end"
    assert errors or not worked.last.errors, worked.last.errors
    return worked


def ours(port: int, server: Busy, spec: dict[str, Any], seconds: int) -> Run:
    """Runs our worker with so many users as all have."""
    worked = work(port, server, {"profile": {"users": USERS, "duration": f"{seconds}s"}, **spec})
    return Run(worked.rate, worked.cpu_us, worked.ended.server / seconds)


def beside(name: str, runs: list[Run]) -> dict[str, float]:
    """Words the medians of one generator's rounds."""
    return {
        name: round(median(run.rate for run in runs)),
        f"{name}.cpu_us": round(median(run.cpu_us for run in runs), 1),
        f"{name}.server_busy": round(median(run.server_busy for run in runs), 2),
    }
