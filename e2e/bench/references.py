"""Writes of reference scenarios beside the short one: what they may be follows from what a scenario consists of."""

import uvloop

from e2e.bench.api import connect, own_namespace
from e2e.bench.figure import Figure
from e2e.bench.short import SCENARIO, WATCHED
from e2e.bench.watching import watching
from e2e.bench.writes import account, worst
from e2e.crash.scenario import SPEC
from seatrial.kube.client import Object

ROUNDS = 3


def _posting(steps: int) -> Object:
    """One web service, and requests one after another that may not be sent twice."""
    chain = [
        {
            "name": f"post-{number}",
            "needs": [{"step": f"post-{number - 1}"}] if number else [],
            "http": {"service": "web", "method": "POST", "path": "/"},
            "expect": ["response.status == 501"],  # what Python's file server knows of POST
        }
        for number in range(steps)
    ]
    return SCENARIO | {"steps": chain}


#: Spec and number of intents, by name. ``whole`` is the scenario of the crash test.
SCENARIOS: dict[str, tuple[Object, int]] = {"posts": (_posting(5), 5), "whole": (SPEC, 1)}


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Runs each scenario some times, one after the other, and counts what the operator writes.

    Raises:
        RuntimeError: One does not pass, or not in time; or there was another run, or another operator.
        KubeError: The API server refuses, or does not answer.
    """
    return uvloop.run(_measure(rounds))


async def _measure(rounds: int) -> list[Figure]:
    async with connect() as api, own_namespace(api) as namespace, watching(api, *WATCHED) as watch:
        figures = []
        for name, (spec, intents) in SCENARIOS.items():
            accounts = [
                await account(api, watch, namespace, f"{name}-{number}", spec, intents) for number in range(rounds)
            ]
            figures.append(worst(accounts).figure(f"writes.{name}", rounds))
        return figures
