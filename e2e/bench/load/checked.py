"""Requests whose answers are checked and read, and a flow that posts JSON, beside k6 with the same."""

from collections.abc import Callable
from typing import Any

from e2e.bench.figure import Figure
from e2e.bench.load.k6 import CHECKED, FLOW, k6_run, k6_version
from e2e.bench.load.plain import compared, interleaved
from e2e.bench.load.server import LoadServer, load_server, nginx_version
from e2e.bench.load.trial import ROUNDS, SECONDS, Run, ours

#: What k6's scripts of the same names do.
_CHECKED: dict[str, Any] = {
    "flows": [
        {
            "name": "order",
            "steps": [
                {
                    "path": "/order",
                    "expect": ["response.status == 200 && response.json.total > 0"],
                    "capture": {"id": "response.json.id"},
                }
            ],
        }
    ]
}
_FLOW: dict[str, Any] = {
    "data": [{"name": "number", "sequence": {"start": 1}}],
    "flows": [
        {
            "name": "order",
            "steps": [
                {
                    "name": "create",
                    "method": "POST",
                    "path": "/orders",
                    "json": {"sku": "A1", "number": "${data.number}"},
                    "expect": ["response.status == 201"],
                    "capture": {"id": "response.json.id"},
                },
                {
                    "name": "show",
                    "path": "/orders/${captures.id}",
                    "expect": ["response.status == 200 && response.json.state == 'paid'"],
                },
            ],
        }
    ],
}


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measures both in interleaved rounds, and compares the medians.

    Raises:
        RuntimeError: A program is missing, or nginx does not start.
    """
    with load_server() as server:
        return [
            _beside_k6(server, "checks", _CHECKED, CHECKED, rounds),
            _beside_k6(server, "flow", _FLOW, FLOW, rounds),
        ]


def _beside_k6(server: LoadServer, name: str, spec: dict[str, Any], script: str, rounds: int) -> Figure:
    generators: dict[str, Callable[[], Run]] = {
        "seatrial": lambda: ours(server.port, server, spec, SECONDS),
        "k6": lambda: k6_run(server.url, server, script, SECONDS),
    }
    versions = {"nginx": nginx_version(), "k6": k6_version()}
    return compared(f"load.{name}_vs_k6", interleaved(generators, rounds), "k6", 2.0, versions)
