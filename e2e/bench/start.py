"""From the accepted resource to the first effect: how long the namespace of a run takes to be there."""

import asyncio
import gc
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from e2e.bench.api import Api, connect, manifest, own_namespace, under_way
from e2e.bench.figure import Figure
from e2e.bench.watching import Event, Watching, watching
from seatrial.api import names
from seatrial.kube.client import Object
from seatrial.kube.resources import NAMESPACES, TEST_SCENARIOS

ROUNDS = 200
#: Rounds before those that count: connections are opened, and code runs for the first time.
WARM_UP = 5
#: Kubernetes waits 5 s before it empties a namespace that was deleted (namespaceDeletionGracePeriod of its controller),
#: and emptying one keeps a core busy. Rounds stop before that begins, and go on when all namespaces are gone.
_QUIET_SECONDS = 4.5
#: Seconds given to writes that follow what was measured, such as Events.
_SETTLE = 0.1

#: Asks for more than the quota of an environment allows, so no pod is made: until long after what is measured all goes
#: as with any other scenario, and the node is idle again at once.
SCENARIO: Object = {
    "environment": {
        "services": [
            {
                "name": "waiting",
                "image": "localhost/seatrial-example-redis:dev",
                "resources": {"requests": {"cpu": "1000"}},
                "ports": [{"name": "redis", "port": 6379}],
                "ready": {"tcp": {}},
            }
        ]
    },
    "steps": [],
}


@dataclass
class Times:
    """Seconds of each round.

    Attributes:
        effect: From the answer to the creation of a TestScenario to the namespace of its run.
        shown: From the same answer to the TestScenario itself, on a watch like the operator's.
        finalizer: From the same answer to the operator's finalizer on it.
        floor: From the answer to the creation of a namespace to that namespace, on the same watch.
    """

    effect: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    finalizer: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measures rounds one after the other, with an operator that has nothing else to do.

    Nothing is subtracted. Beside each figure stands what the watch itself costs.

    Args:
        rounds: How many.

    Raises:
        RuntimeError: A namespace does not come, or does not go.
        KubeError: The API server refuses, or does not answer.
    """
    times = uvloop.run(_measure(rounds))
    return [
        figure("start.idle.p50_ms", times, 0.50, target=10),
        figure("start.idle.p99_ms", times, 0.99, target=20),
    ]


def nearest_rank(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that is not below a share of all values.

    Args:
        values: At least one.
        share: Over 0, at most 1.
    """
    # Rounded first: 0.07 x 100 is a little over 7 in binary.
    return sorted(values)[math.ceil(round(share * len(values), 9)) - 1]


def figure(name: str, times: Times, share: float, *, target: float) -> Figure:
    """Returns a percentile of the times to the first effect, in milliseconds, beside what came before it."""

    def milliseconds(seconds: list[float]) -> float:
        return round(nearest_rank(seconds, share) * 1000, 2)

    beside = {
        "watch_floor": milliseconds(times.floor),
        "resource_shown": milliseconds(times.shown),
        "finalizer_on": milliseconds(times.finalizer),
        "max": round(max(times.effect) * 1000, 2),
        "rounds": len(times.effect),
    }
    return Figure(name, milliseconds(times.effect), "ms", target, "lower", beside)


async def _measure(rounds: int) -> Times:
    async with connect() as api, own_namespace(api) as namespace, watching(api, NAMESPACES, TEST_SCENARIOS) as watch:
        for other in await under_way(api):
            print(f"warning: {other} is under way, so the operator is not idle")
        course = Course(api, watch, namespace)
        await course.run(WARM_UP)
        # What is there now is not looked at again: a collection in the middle of a round would count as the operator's.
        gc.collect()
        gc.freeze()
        return await course.run(rounds)


class Course:
    """Rounds, one after the other.

    Args:
        api: Where TestScenarios are created.
        watch: Shows namespaces.
        namespace: Of the TestScenarios.
    """

    def __init__(self, api: Api, watch: Watching, namespace: str) -> None:
        self._api = api
        self._watch = watch
        self._namespace = namespace
        self._numbers = itertools.count(1)

    async def run(self, rounds: int) -> Times:
        """Measures so many rounds."""
        times = Times()
        while len(times.effect) < rounds:
            await self._batch(times, rounds)
        return times

    async def _batch(self, times: Times, rounds: int) -> None:
        """Measures until Kubernetes would begin to empty namespaces, and waits until all are gone."""
        since, ends = len(self._watch.events), time.perf_counter() + _QUIET_SECONDS
        environments, floors = [], []
        while len(times.effect) < rounds and time.perf_counter() < ends:
            name = f"{self._namespace}-{next(self._numbers)}"
            environments.append(await self._effect(times, name))
            await self._floor(times, name)
            floors.append(name)
        for name in floors:
            await self._api.client.delete(NAMESPACES, name)
        for name in environments + floors:
            await self._seen(f"namespace {name} is gone", name, lambda event: event.type == "DELETED", since, 120)
        await asyncio.sleep(_SETTLE)

    async def _effect(self, times: Times, name: str) -> str:
        """Creates a TestScenario, waits for its namespace, and has both taken away. Returns the namespace's name."""
        since = len(self._watch.events)
        body = manifest(TEST_SCENARIOS, name, self._namespace, spec=SCENARIO)
        stored = await self._api.client.create(TEST_SCENARIOS, body, self._namespace)
        accepted, uid = time.perf_counter(), str(stored["metadata"]["uid"])

        def is_its(event: Event) -> bool:
            return event.label(names.OWNER_UID) == uid

        seen = await self._watch.first(f"the namespace of {name}", is_its, since=since)
        times.effect.append(seen.at - accepted)
        await self._approach(times, uid, accepted, since)
        await self._api.client.delete(TEST_SCENARIOS, name, self._namespace)
        await self._seen(f"{seen.name} is being deleted", seen.name, lambda event: event.ending, since)
        await asyncio.sleep(_SETTLE)
        return seen.name

    async def _approach(self, times: Times, uid: str, accepted: float, since: int) -> None:
        """Takes down what came before the effect, on the way there."""

        def has_finalizer(event: Event) -> bool:
            return event.uid == uid and names.FINALIZER in event.body["metadata"].get("finalizers", [])

        shown = await self._watch.first("the TestScenario", lambda event: event.uid == uid, since=since)
        finalizer = await self._watch.first("its finalizer", has_finalizer, since=since)
        times.shown.append(shown.at - accepted)
        times.finalizer.append(finalizer.at - accepted)

    async def _floor(self, times: Times, name: str) -> None:
        """Creates a namespace and waits for it."""
        since = len(self._watch.events)
        await self._api.client.create(NAMESPACES, manifest(NAMESPACES, name))
        accepted = time.perf_counter()
        seen = await self._seen(f"namespace {name}", name, lambda _: True, since)
        times.floor.append(seen.at - accepted)
        await asyncio.sleep(_SETTLE)

    async def _seen(
        self, what: str, name: str, holds: Callable[[Event], bool], since: int, timeout: float = 60
    ) -> Event:
        """Waits for something to be true of a namespace."""

        def is_it(event: Event) -> bool:
            return event.kind == "Namespace" and event.name == name and holds(event)

        return await self._watch.first(what, is_it, since=since, timeout=timeout)
