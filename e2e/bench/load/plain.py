"""A plain GET: requests per second of each generator on one core."""

from collections.abc import Callable

from e2e.bench.figure import Figure
from e2e.bench.load.k6 import PLAIN, k6_run, k6_version
from e2e.bench.load.locust import locust_run, locust_version
from e2e.bench.load.server import load_server, nginx_version
from e2e.bench.load.trial import ROUNDS, SECONDS, Run, beside, ours
from e2e.bench.load.wrk import wrk_run, wrk_version

_TARGETS = {"wrk": 0.8, "k6": 6.0, "locust": 15.0}


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measures in interleaved rounds, and compares the medians.

    Beside each ratio stand the requests per second, each generator's CPU time for a request, and how busy the server
    was: where the server is the limit, the ratio of the rates says only that both generators reach it, and the CPU
    times say the rest.

    Raises:
        RuntimeError: A program is missing, or nginx does not start.
    """
    with load_server() as server:
        generators: dict[str, Callable[[], Run]] = {
            "seatrial": lambda: ours(server.port, server, {}, SECONDS),
            "wrk": lambda: wrk_run(server.url, server, SECONDS),
            "k6": lambda: k6_run(server.url, server, PLAIN, SECONDS),
            "locust": lambda: locust_run(server.url, server, SECONDS),
        }
        runs = interleaved(generators, rounds)
    versions = {"nginx": nginx_version(), "wrk": wrk_version(), "k6": k6_version(), "locust": locust_version()}
    return [compared(f"load.vs_{peer}", runs, peer, target, versions) for peer, target in _TARGETS.items()]


def interleaved(generators: dict[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Runs each generator once a round."""
    runs: dict[str, list[Run]] = {name: [] for name in generators}
    for _ in range(rounds):
        for name, run in generators.items():
            runs[name].append(run())
    return runs


def compared(name: str, runs: dict[str, list[Run]], peer: str, target: float, versions: dict[str, str]) -> Figure:
    """Compares our medians with a peer's."""
    values = beside("seatrial", runs["seatrial"]) | beside(peer, runs[peer])
    shown = {program: versions[program] for program in ("nginx", peer)}
    return Figure(name, round(values["seatrial"] / values[peer], 3), "x", target, "higher", values, shown)
