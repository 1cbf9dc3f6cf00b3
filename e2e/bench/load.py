"""The load engine beside wrk and k6: requests per second on one core, against the same nginx in the same run."""

from collections.abc import Callable
from statistics import median

from e2e.bench.figure import Figure
from e2e.bench.load_server import LoadServer, load_server
from e2e.bench.peers import Run, k6, ours, wrk

_ROUNDS = 3
_SECONDS = 5
_SERVER_CORE = 0
_GENERATOR_CORE = 1

_GENERATORS: dict[str, Callable[[LoadServer, int, int], Run]] = {"seatrial": ours, "wrk": wrk, "k6": k6}


def measure() -> list[Figure]:
    """Measures in three interleaved rounds, and compares the medians.

    Beside each ratio stand the requests per second, each generator's CPU time for a request, and how busy the server
    was: where the server is the limit, the ratio of the rates says only that both generators reach it, and the CPU
    times say the rest.

    Raises:
        RuntimeError: A program is missing, or nginx does not start.
    """
    runs: dict[str, list[Run]] = {name: [] for name in _GENERATORS}
    with load_server(_SERVER_CORE) as server:
        for _ in range(_ROUNDS):
            for name, run in _GENERATORS.items():
                runs[name].append(run(server, _GENERATOR_CORE, _SECONDS))
    return [_compared("wrk", runs, target=0.8), _compared("k6", runs, target=6.0)]


def _compared(peer: str, runs: dict[str, list[Run]], *, target: float) -> Figure:
    beside: dict[str, float] = {}
    for name in ("seatrial", peer):
        beside[name] = round(_median(runs[name], lambda run: run.rate))
        beside[f"{name}.cpu_us"] = round(_median(runs[name], lambda run: run.cpu_us), 1)
        beside[f"{name}.server_busy"] = round(_median(runs[name], lambda run: run.server_busy), 2)
    ratio = beside["seatrial"] / beside[peer]
    return Figure(f"load.vs_{peer}", round(ratio, 3), "x", target, "higher", beside)


def _median(runs: list[Run], value: Callable[[Run], float]) -> float:
    return median(value(run) for run in runs)
