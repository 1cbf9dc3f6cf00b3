"""Latency that is reported of a server that stalls for 2 s every 10 s, against what the schedule implies."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from e2e.bench.figure import Figure
from e2e.bench.load.k6 import PLAIN, k6, k6_version
from e2e.bench.load.program import SERVER_CORE
from e2e.bench.load.server import free_port
from e2e.bench.load.stalling import DELAY, PERIOD, STALL
from e2e.bench.load.trial import ROUNDS, work
from e2e.bench.load.wrk import wrk_p99, wrk_version
from seatrial.load.histogram import Histogram

#: Arrivals per second; each run lasts one period.
_RATE = 500
_SECONDS = round(PERIOD)
#: All that arrive during a stall are unanswered at its end.
_IN_FLIGHT = 2 * round(_RATE * (STALL + DELAY))
_PERCENTS = {"p50": 50.0, "p99": 99.0, "p999": 99.9}


def implied(percent: float) -> float:
    """Latency that a percentage of arrivals does not exceed, in seconds, as the schedule implies.

    Arrivals are spread evenly over whole periods of P seconds, so the moment at which the answer to one would be due
    (its arrival and the delay D) is spread evenly over the period too. With the share 1 - S/P it lies outside of the
    stall of S seconds, and the latency is D. Otherwise it lies x seconds into the stall, x even between 0 and S, the
    answer comes S - x seconds later than it was due, and the latency is D + S - x. So latencies above D are spread
    evenly between D and D + S, and make up the greatest S/P of all:

        q <= 1 - S/P:   D
        q >  1 - S/P:   D + S * (q - (1 - S/P)) / (S/P) = D + P * (q - 1) + S

    Wherever in a period the load begins.

    Args:
        percent: Above 0, up to 100.
    """
    share = percent / 100
    return DELAY if share <= 1 - STALL / PERIOD else DELAY + STALL + PERIOD * (share - 1)


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Loads with a constant rate for one period in each round, and compares the median of each percentile.

    Beside it what k6 (open model) and wrk (closed model) report of the same server in one period: a closed model
    asks less while it waits, and so sees each stall once a connection.

    Raises:
        RuntimeError: A program is missing, or the server does not start.
    """
    with _stalling() as server:
        reported = [_reported(server) for _ in range(rounds)]
        ours = {name: median(run[name] for run in reported) for name in _PERCENTS}
        k6_p99 = _k6_p99(server)
        wrk = wrk_p99(server.url, server, _SECONDS)
    errors = {name: round(abs(ours[name] / implied(percent) - 1) * 100, 3) for name, percent in _PERCENTS.items()}
    values = {f"{name}_ms": round(ours[name] * 1000, 2) for name in _PERCENTS}
    values |= {f"{name}_implied_ms": round(implied(percent) * 1000, 2) for name, percent in _PERCENTS.items()}
    values |= {"p50_error": errors["p50"], "p999_error": errors["p999"]}
    values |= {"k6.p99_ms": round(k6_p99 * 1000, 2), "wrk.p99_ms": round(wrk * 1000, 2)}
    versions = {"k6": k6_version(), "wrk": wrk_version()}
    return [Figure("load.stall.p99_error", errors["p99"], "%", 1, "lower", values, versions)]


class _Stalling:
    """The running server."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._pid = pid

    def cpu_seconds(self) -> float:
        """CPU time that it has used."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _stalling() -> Iterator[_Stalling]:
    port = free_port()
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "e2e.bench.load.stalling", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the stalling server does not start")
            yield _Stalling(port, process.pid)
        finally:
            process.terminate()


def _reported(server: _Stalling) -> dict[str, float]:
    profile = {"rate": _RATE, "duration": f"{_SECONDS}s", "maxInFlight": _IN_FLIGHT}
    worked = work(server.port, server, {"profile": profile, "requestTimeout": "10s"})
    assert worked.last.requests == _RATE * _SECONDS, worked.last.requests
    histogram = Histogram()
    histogram.add(worked.last.latency)
    return {name: histogram.percentile(percent) / 1e6 for name, percent in _PERCENTS.items()}


def _k6_p99(server: _Stalling) -> float:
    scenario: dict[str, Any] = {
        "executor": "constant-arrival-rate",
        "rate": _RATE,
        "timeUnit": "1s",
        "duration": f"{_SECONDS}s",
        "preAllocatedVUs": _IN_FLIGHT,
    }
    options = {"scenarios": {"open": scenario}, "summaryTrendStats": ["p(99)"], "discardResponseBodies": True}
    metrics, _ = k6(server.url, server, PLAIN, options)
    return float(metrics["http_req_duration"]["p(99)"]) / 1000
