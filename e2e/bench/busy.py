"""From the accepted resource to the first effect, while many other runs are active."""

import asyncio
import gc
from dataclasses import replace

import uvloop

from e2e.bench.api import Api, connect, manifest, own_namespace
from e2e.bench.crowd import for_each
from e2e.bench.figure import Figure
from e2e.bench.start import SCENARIO, WARM_UP, Course, figure
from e2e.bench.watching import Event, Watching, watching
from e2e.outside import stand
from seatrial.api import names
from seatrial.kube.client import Object
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import NAMESPACES, TEST_SCENARIOS

#: Runs that are active meanwhile.
RUNS = 500
ROUNDS = 100
_SECONDS_A_RUN = 2.0
#: As many runs at a time as there are.
_LIMITLESS = {"SEATRIAL_LIMIT_RUNS": "0", "SEATRIAL_LIMIT_RUNS_PER_NAMESPACE": "0"}


def measure(rounds: int = ROUNDS, runs: int = RUNS) -> list[Figure]:
    """Measures rounds one after the other, as start does, while other runs wait for services that never come up.

    The operator is a process of its own without limits: with the chart's, one more run than 500 would wait its turn.

    Args:
        rounds: How many.
        runs: How many runs are active meanwhile.

    Raises:
        RuntimeError: The runs do not begin, or a namespace does not come, or does not go.
        KubeError: The API server refuses, or does not answer.
    """
    return uvloop.run(_measure(rounds, runs))


async def _measure(rounds: int, runs: int) -> list[Figure]:
    async with (
        stand() as operators,
        connect() as api,
        own_namespace(api) as namespace,
        watching(api, NAMESPACES, TEST_SCENARIOS) as watch,
        replace(operators, environment=operators.environment | _LIMITLESS).operator(),
    ):
        names_of_runs = [f"{namespace}-busy-{number}" for number in range(runs)]
        try:
            await _begin(api, watch, namespace, names_of_runs)
            course = Course(api, watch, namespace)
            await course.run(WARM_UP)
            gc.collect()
            gc.freeze()
            times = await course.run(rounds)
        finally:
            await _end(api, namespace, names_of_runs)
        found = figure("start.busy500.p99_ms", times, 0.99, target=100)
        return [Figure(found.name, found.value, found.unit, found.target, found.better, found.beside | {"runs": runs})]


async def _begin(api: Api, watch: Watching, namespace: str, active: list[str]) -> None:
    """Starts runs and waits until each has its namespace and its Deployment waits."""
    since = len(watch.events)

    async def create(name: str) -> str:
        body = manifest(TEST_SCENARIOS, name, namespace, spec=_waiting())
        return str((await api.client.create(TEST_SCENARIOS, body, namespace))["metadata"]["uid"])

    waiting = set(await for_each(active, create))

    def begun(event: Event) -> bool:
        waiting.discard(event.label(names.OWNER_UID))
        return not waiting

    await watch.first("all runs have begun", begun, since=since, timeout=60 + _SECONDS_A_RUN * len(active))
    # Their status is written by then, and nothing of them is due for an hour.
    await asyncio.sleep(min(10.0, 1 + 0.05 * len(active)))


def _waiting() -> Object:
    """The scenario of start, which waits for longer than is measured."""
    (service,) = SCENARIO["environment"]["services"]
    ready = {"ready": service["ready"] | {"timeout": "2h"}}
    environment = SCENARIO["environment"] | {"services": [service | ready]}
    return SCENARIO | {"environment": environment, "timeouts": {"provision": "2h"}}


async def _end(api: Api, namespace: str, active: list[str]) -> None:
    """Takes the runs away: nothing that is measured later may meet their remains."""

    async def delete(name: str) -> None:
        try:
            await api.client.delete(TEST_SCENARIOS, name, namespace)
        except NotFound:
            return

    await for_each(active, delete)
    ends = asyncio.get_running_loop().time() + 60 + _SECONDS_A_RUN * len(active)
    while left := [body["metadata"]["name"] for body in await api.client.list(TEST_SCENARIOS, namespace)]:
        if asyncio.get_running_loop().time() > ends:
            raise RuntimeError(f"{len(left)} runs are not taken away, {left[0]} among them")
        await asyncio.sleep(1)
