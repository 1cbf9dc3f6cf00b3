"""Many resources whose runs are over: what they cost an operator that starts, in time and in memory."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import uvloop
import yaml

from e2e.bench.api import Api, connect, manifest, own_namespace
from e2e.bench.crowd import for_each
from e2e.bench.figure import Figure
from e2e.outside import stand
from seatrial.api.status import Phase, RunStatus, StepState, StepStatus, TestScenarioStatus, Verdict
from seatrial.api.timestamp import stamp
from seatrial.kube.client import Object
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import TEST_SCENARIOS
from seatrial.plan.conditions import conditions

#: Resources.
RESOURCES = 5000
_MEMORY_MIB, _READY_SECONDS = 256, 30
#: Seconds after which an operator that is ready has taken every resource's first turn.
_SETTLE_SECONDS = 20.0
_EXAMPLE = Path(__file__).parents[2] / "examples" / "checkout.yaml"


def measure(resources: int = RESOURCES) -> list[Figure]:
    """Puts resources there whose runs have passed, each like the largest example, and then starts an operator.

    Args:
        resources: How many.

    Raises:
        RuntimeError: The operator is not ready in time.
        KubeError: The API server refuses, or does not answer.
    """
    spec = next(body["spec"] for body in yaml.safe_load_all(_EXAMPLE.read_text(encoding="utf-8")))
    return uvloop.run(_measure(resources, spec))


async def _measure(resources: int, spec: Object) -> list[Figure]:
    async with stand() as operators, connect() as api, own_namespace(api) as namespace:
        names = [f"idle-{number}" for number in range(resources)]
        try:
            await _put(api, namespace, names, spec)
            async with operators.operator() as operator:
                await asyncio.sleep(_SETTLE_SECONDS)
                memory, cpu = operator.resident_mib(), operator.cpu_seconds()
        finally:
            await _take_away(api, namespace, names)
    number: dict[str, float] = {"resources": resources}
    return [
        Figure("idle5000.memory_mib", round(memory, 1), "MiB", _MEMORY_MIB, "lower", number),
        Figure(
            "idle5000.ready_s",
            round(operator.ready_in, 2),
            "s",
            _READY_SECONDS,
            "lower",
            number | {"cpu_s": round(cpu, 1)},
        ),
    ]


async def _put(api: Api, namespace: str, names: list[str], spec: Object) -> None:
    """Creates resources as their runs would have left them. No operator runs meanwhile."""
    status = _over(spec).to_kubernetes()

    async def put(name: str) -> None:
        await api.client.create(TEST_SCENARIOS, manifest(TEST_SCENARIOS, name, namespace, spec=spec), namespace)
        operations = [{"op": "add", "path": "/status", "value": status}]
        await api.client.patch_json(TEST_SCENARIOS, name, namespace, operations, subresource="status")

    await for_each(names, put)


def _over(spec: Object) -> TestScenarioStatus:
    """A status like that of a run that has passed."""
    now = datetime.now(UTC)

    def ended(entries: list[Object]) -> list[StepStatus]:
        return [
            StepStatus(
                name=entry["name"],
                state=StepState.SUCCEEDED,
                reason="ExpectationsMet",
                message="status 200 in 12ms",
                attempts=1,
                started_at=stamp(now),
                finished_at=stamp(now),
            )
            for entry in entries
        ]

    run = RunStatus(
        id="1", generation=1, namespace="trial", started_at=stamp(now), phase_since=stamp(now), finished_at=stamp(now)
    )
    status = TestScenarioStatus(
        observed_generation=1,
        phase=Phase.DONE,
        verdict=Verdict.PASSED,
        reason="AllStepsSucceeded",
        message="all steps succeeded",
        run=run,
        **{part: ended(spec.get(part, [])) for part in ("setup", "steps", "teardown")},
    )
    return status.model_copy(update={"conditions": conditions(status, now, invalid="", environment=True, blocked="")})


async def _take_away(api: Api, namespace: str, names: list[str]) -> None:
    async def delete(name: str) -> None:
        try:
            await api.client.delete(TEST_SCENARIOS, name, namespace)
        except NotFound:
            return

    await for_each(names, delete)
