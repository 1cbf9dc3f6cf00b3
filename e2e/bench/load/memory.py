"""Memory of a worker, and connections that it can hold open."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from e2e.bench.figure import Figure
from e2e.bench.load.k6 import PLAIN, k6, k6_version
from e2e.bench.load.locust import locust, locust_version
from e2e.bench.load.server import LoadServer, load_server, nginx_version
from e2e.bench.load.trial import ROUNDS, work

_USERS = 1000
_CONNECTIONS = 10_000
_SECONDS = 3
#: They come one after the other, as a crowd does: a server is given no more at once than its queue of connections
#: holds, and each user pauses, so that the server has time for new ones.
_CROWD = {
    "profile": {"stages": [{"users": _CONNECTIONS, "duration": "5s"}, {"users": _CONNECTIONS, "duration": "4s"}]},
    "flows": [{"name": "look", "thinkTime": "1s", "steps": [{"path": "/"}]}],
    "requestTimeout": "10s",
}


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measures the memory with 1,000 users beside peers, and with 10,000 connections open at a time.

    Raises:
        RuntimeError: A program is missing, or nginx does not start.
    """
    with load_server() as server:
        versions = {"nginx": nginx_version(), "k6": k6_version(), "locust": locust_version()}
        memory = [_memory(server) for _ in range(rounds)]
        options = {"vus": _USERS, "duration": f"{_SECONDS}s", "discardResponseBodies": True}
        values = {
            "users": _USERS,
            "k6": round(k6(server.url, server, PLAIN, options)[1].memory_mib, 1),
            "locust": round(locust(server.url, server, _USERS, _SECONDS)[1].memory_mib, 1),
        }
        connections = _connections(server)
    return [
        Figure("load.worker.memory_mib", round(median(memory), 1), "MiB", 80, "lower", values, versions),
        connections,
    ]


def _memory(server: LoadServer) -> float:
    profile = {"users": _USERS, "duration": f"{_SECONDS}s"}
    return work(server.port, server, {"profile": profile}).ended.memory_mib


def _connections(server: LoadServer) -> Figure:
    with _peak(server) as peak:
        worked = work(server.port, server, _CROWD)
    values = {
        "requests": worked.last.requests,
        "errors": sum(worked.last.errors.values()),
        "memory_mib": round(worked.ended.memory_mib, 1),
    }
    return Figure("load.connections", max(peak), "open", _CONNECTIONS, "higher", values, {"nginx": nginx_version()})


@contextmanager
def _peak(server: LoadServer) -> Iterator[list[int]]:
    """Looks every 50 ms at how many connections the server has; it holds some files besides, which are taken off."""
    besides, seen, over = server.files(), [0], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            seen.append(server.files() - besides)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
