"""A short scenario: how many writes it costs the API server, when its verdict falls, and when everything is gone."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import uvloop

from e2e.bench.api import Api, connect, own_namespace
from e2e.bench.counters import Writes, api_writes, operator_pod
from e2e.bench.figure import Figure
from e2e.bench.short import SCENARIO, WATCHED, Run, bare_namespace, bare_pod, run_scenario
from e2e.bench.watching import Watching, watching
from seatrial.kube.client import Object
from seatrial.kube.resources import TEST_SCENARIOS

ROUNDS = 5
#: Seconds given to writes that follow the last one that can be seen, such as Events.
_SETTLE = 0.5
#: Writes for the run itself, whatever it makes.
_RUN_WRITES = 4
#: Writes for its report: one at the verdict, one when all is gone.
_REPORT_WRITES = 2
#: Seconds that the verdict may take longer than a bare pod.
_OVER_FLOOR = 0.5
_GONE_SECONDS = 5.0
#: What has to be deleted one by one; everything else goes with its namespace.
_DELETED = ("Namespace", "Deployment", "Job")
#: Written on top of what a run is allowed: Events, and the Lease of the heartbeat, which belongs to no run.
_APART = ("events", "leases")


@dataclass(frozen=True)
class Account:
    """What a run has written, and what it may.

    Attributes:
        run: The run.
        writes: What the operator sent meanwhile.
        intents: Requests of it that may not be sent twice: each has its intent on record first.
    """

    run: Run
    writes: Writes
    intents: int = 0

    @property
    def counted(self) -> int:
        """Writes for the run."""
        return sum(number for what, number in self.writes.items() if what.split()[1] not in _APART)

    @property
    def made(self) -> int:
        """Objects that were made."""
        return sum(self.run.made.values())

    @property
    def deleted(self) -> int:
        """Objects that had to be deleted."""
        return sum(self.run.made[kind] for kind in _DELETED)

    @property
    def allowed(self) -> int:
        """One write for each object made or deleted, those of run and report, intents, and progress once a second.

        The taking away belongs to the run, and its progress is shown too.
        """
        seconds = math.floor(self.run.verdict + self.run.gone)
        return self.made + self.deleted + _RUN_WRITES + _REPORT_WRITES + self.intents + seconds

    def figure(self, name: str, rounds: int) -> Figure:
        """The writes beside what they consist of."""
        objects = {"made": self.made, "deleted": self.deleted} | ({"intents": self.intents} if self.intents else {})
        beside: dict[str, float] = {**objects, **dict(sorted(self.writes.items())), "rounds": rounds}
        return Figure(name, self.counted, "writes", self.allowed, "lower", beside)


def worst(accounts: Iterable[Account]) -> Account:
    """The run that exceeds most what it may write."""
    return max(accounts, key=lambda account: account.counted - account.allowed)


@dataclass(frozen=True)
class Round:
    """What one round has shown.

    Attributes:
        account: The scenario's run.
        bare_pod: Seconds that the service's pod takes to be Ready without operator and probe.
        probed_pod: The same with its probe.
        bare_namespace: Seconds that an empty namespace takes to go.
    """

    account: Account
    bare_pod: float
    probed_pod: float
    bare_namespace: float


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measures rounds one after the other, each with its floors, after one that does not count.

    Args:
        rounds: How many.

    Raises:
        RuntimeError: The scenario does not pass, or not in time; or there was another run, or another operator.
        KubeError: The API server refuses, or does not answer.
    """
    return figures(uvloop.run(_measure(rounds)))


def figures(rounds: list[Round]) -> list[Figure]:
    """Sums rounds up: the writes of the worst, and medians of times."""
    verdict = _median(entry.account.run.verdict for entry in rounds)
    floor = _median(entry.bare_pod for entry in rounds)
    pods = {
        "verdict_s": verdict,
        "bare_pod_s": floor,
        "probed_pod_s": _median(entry.probed_pod for entry in rounds),
    }
    ends = {
        "pods_s": _median(entry.account.run.pods_gone for entry in rounds),
        "bare_namespace_s": _median(entry.bare_namespace for entry in rounds),
    }
    number = {"rounds": float(len(rounds))}
    gone = _median(entry.account.run.gone for entry in rounds)
    return [
        worst(entry.account for entry in rounds).figure("writes.short", len(rounds)),
        Figure("one_service.verdict_over_floor_s", round(verdict - floor, 3), "s", _OVER_FLOOR, "lower", pods | number),
        Figure("one_service.gone_s", gone, "s", _GONE_SECONDS, "lower", ends | number),
    ]


def _median(seconds: Iterable[float]) -> float:
    return round(median(seconds), 3)


async def _measure(rounds: int) -> list[Round]:
    async with connect() as api, own_namespace(api) as namespace, watching(api, *WATCHED) as watch:
        await _round(api, watch, namespace, "warm-up")
        return [await _round(api, watch, namespace, f"round-{number}") for number in range(1, rounds + 1)]


async def _round(api: Api, watch: Watching, namespace: str, name: str) -> Round:
    probed = await bare_pod(api, watch, namespace, f"{name}-probed", probed=True)
    bare = await bare_pod(api, watch, namespace, f"{name}-bare", probed=False)
    empty = await bare_namespace(api, watch, f"{namespace}-{name}")
    return Round(await account(api, watch, namespace, name), bare, probed, empty)


async def account(
    api: Api, watch: Watching, namespace: str, name: str, spec: Object = SCENARIO, intents: int = 0
) -> Account:
    """Runs a scenario, alone, and counts what the operator writes for it.

    Raises:
        RuntimeError: It does not pass, or not in time; or there was another run, or another operator.
    """
    pod = await operator_pod(api)
    before = await api_writes(api, pod)
    run = await run_scenario(api, watch, namespace, name, spec)
    if not run.alone:
        raise RuntimeError("another run was under way: its writes cannot be told from the ones that are counted")
    await asyncio.sleep(_SETTLE)
    after = await api_writes(api, pod)
    # Its finalizer is off, so this concerns the operator no more.
    await api.client.delete(TEST_SCENARIOS, name, namespace)
    if pod != await operator_pod(api):
        raise RuntimeError(f"the operator's pod {pod} was replaced during a round")
    return Account(run, after - before, intents)
