"""wrk as a peer."""

import re

from e2e.bench.load.program import Busy, found, run, version
from e2e.bench.load.trial import USERS, Run


def wrk_run(url: str, server: Busy, seconds: int) -> Run:
    """Runs wrk with one thread and so many connections as all have users.

    Raises:
        RuntimeError: It fails.
    """
    ended = run([found("wrk"), "-t1", f"-c{USERS}", f"-d{seconds}s", f"{url}/"], server)
    assert "Socket errors" not in ended.output, ended.output
    assert "Non-2xx" not in ended.output, ended.output
    rate = re.search(r"Requests/sec:\s+([\d.]+)", ended.output)
    requests = re.search(r"(\d+) requests in", ended.output)
    assert rate is not None, ended.output
    assert requests is not None, ended.output
    return Run(float(rate[1]), ended.cpu / int(requests[1]) * 1e6, ended.server / seconds)


def wrk_p99(url: str, server: Busy, seconds: int) -> float:
    """Runs wrk as well; returns the 99th percentile of the latency that it reports, in seconds."""
    ended = run(
        [found("wrk"), "-t1", f"-c{USERS}", f"-d{seconds}s", "--timeout", "10s", "--latency", f"{url}/"], server
    )
    found_there = re.search(r"99%\s+([\d.]+)(us|ms|s)", ended.output)
    assert found_there is not None, ended.output
    return float(found_there[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[found_there[2]]


def wrk_version() -> str:
    """Version of wrk."""
    return version("wrk", "-v")
