"""The open model at half of what it can do: whether the rate is what was asked for, and how late requests start."""

from statistics import median
from typing import Any

from e2e.bench.figure import Figure
from e2e.bench.load.k6 import PLAIN, k6, k6_run, k6_version
from e2e.bench.load.server import LoadServer, load_server, nginx_version
from e2e.bench.load.trial import ROUNDS, SECONDS, USERS, Worked, work

#: More than one core can send; what it then achieves is its ceiling.
_TOO_MUCH = 200_000
#: Requests that may be unanswered at a time: those beyond are dropped, which is how a ceiling shows.
_IN_FLIGHT = 4 * USERS


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Finds the ceiling, and loads with half of it in each round; k6 likewise, with half of its own.

    Raises:
        RuntimeError: A program is missing, or nginx does not start.
    """
    with load_server() as server:
        versions = {"nginx": nginx_version(), "k6": k6_version()}
        ceiling = median(_open(server, _TOO_MUCH).rate for _ in range(3))
        rate = round(ceiling / 2)
        runs = [_open(server, rate) for _ in range(rounds)]
        k6_rate = round(k6_run(server.url, server, PLAIN, SECONDS).rate / 2)
        k6_achieved = median(_k6_open(server, k6_rate) for _ in range(rounds))
    achieved = median(run.rate for run in runs)
    values = {
        "requested": rate,
        "achieved": round(achieved, 1),
        "ceiling": round(ceiling),
        "dropped": max(run.last.dropped for run in runs),
        "k6.requested": k6_rate,
        "k6.achieved": round(k6_achieved, 1),
        "k6.rate_error": _error(k6_achieved, k6_rate),
    }
    lags = {
        "lag_max_ms": round(median(run.last.lag_max for run in runs) / 1000, 3),
        "cpu_us": round(median(run.cpu_us for run in runs), 1),
    }
    lag = round(median(run.last.lag_p99 for run in runs) / 1000, 3)
    return [
        Figure("load.open.rate_error", _error(achieved, rate), "%", 0.5, "lower", values, versions),
        Figure("load.open.lag_p99_ms", lag, "ms", 1, "lower", lags, {"nginx": versions["nginx"]}),
    ]


def _open(server: LoadServer, rate: int) -> Worked:
    profile = {"rate": rate, "duration": f"{SECONDS}s", "warmup": "1s", "maxInFlight": _IN_FLIGHT}
    return work(server.port, server, {"profile": profile})


def _k6_open(server: LoadServer, rate: int) -> float:
    scenario: dict[str, Any] = {
        "executor": "constant-arrival-rate",
        "rate": rate,
        "timeUnit": "1s",
        "duration": f"{SECONDS}s",
        "preAllocatedVUs": _IN_FLIGHT,
        "maxVUs": _IN_FLIGHT,
    }
    metrics, _ = k6(server.url, server, PLAIN, {"scenarios": {"open": scenario}, "discardResponseBodies": True})
    return float(metrics["http_reqs"]["count"]) / SECONDS


def _error(achieved: float, requested: float) -> float:
    """By how much a rate is off, in percent."""
    return round(abs(achieved / requested - 1) * 100, 3)
