"""Short scenarios through one operator on one core: one HTTP step against a service that exists already."""

import asyncio
import os
import time

import uvloop

from e2e.bench.api import Api, connect, manifest, own_namespace
from e2e.bench.crowd import for_each
from e2e.bench.figure import Figure
from e2e.bench.short import WATCHED, pod_spec
from e2e.bench.watching import Event, Watching, watching
from e2e.outside import Operator, stand
from seatrial.kube.client import Object
from seatrial.kube.resources import PODS, SERVICES, TEST_SCENARIOS

#: Scenarios, all there before the first may end.
RUNS = 1000
_TARGET = 2100
_PORTS: list[Object] = [{"name": "http", "port": 8080}]
_SCENARIO: Object = {
    "environment": {
        "namespace": "Same",
        "services": [{"name": "web", "existing": {"service": "web"}, "ports": _PORTS}],
    },
    "steps": [{"name": "home", "http": {"service": "web", "path": "/"}, "expect": ["response.status == 200"]}],
}


def measure(runs: int = RUNS) -> list[Figure]:
    """Creates scenarios as quickly as the API server takes them, and waits until all have passed.

    The operator is a process of its own that may use the first processor only; everything else has the others.

    Args:
        runs: How many scenarios.

    Raises:
        RuntimeError: One does not pass, or not in time.
        KubeError: The API server refuses, or does not answer.
    """
    return uvloop.run(_measure(runs))


async def _measure(runs: int) -> list[Figure]:
    core, *others = sorted(os.sched_getaffinity(0))
    async with (
        stand() as operators,
        connect() as api,
        own_namespace(api) as namespace,
        watching(api, *WATCHED) as watch,
        operators.operator(core=core) as operator,
    ):
        os.sched_setaffinity(0, others or [core])
        try:
            await _serve(api, watch, namespace)
            await _all(api, watch, operator, namespace, max(runs // 20, 1), "warm-up")
            seconds, cpu = await _all(api, watch, operator, namespace, runs, "run")
        finally:
            os.sched_setaffinity(0, [core, *others])
    beside = {
        "runs": runs,
        "operator_cpu_ms_a_run": round(cpu / runs * 1000, 2),
        "operator_busy": round(cpu / seconds, 2),
    }
    return [Figure("throughput.runs_per_min", round(runs / seconds * 60), "runs/min", _TARGET, "higher", beside)]


async def _serve(api: Api, watch: Watching, namespace: str) -> None:
    """Starts the service that exists already."""
    since = len(watch.events)
    labels = {"run": "web"}
    pod = manifest(PODS, "web", namespace, spec=pod_spec(probed=True))
    pod["metadata"]["labels"] = pod["metadata"]["labels"] | labels
    await api.client.create(PODS, pod, namespace)
    service = manifest(SERVICES, "web", namespace, spec={"selector": labels, "ports": _PORTS})
    await api.client.create(SERVICES, service, namespace)

    def ready(event: Event) -> bool:
        return event.kind == "Pod" and event.name == "web" and event.condition("Ready")

    await watch.first("pod web is Ready", ready, since=since)


async def _all(
    api: Api, watch: Watching, operator: Operator, namespace: str, runs: int, prefix: str
) -> tuple[float, float]:
    """Runs scenarios. Returns the seconds until the last has ended, and the operator's processor time meanwhile."""
    since, cpu = len(watch.events), operator.cpu_seconds()
    began = time.perf_counter()

    async def create(number: int) -> str:
        body = manifest(TEST_SCENARIOS, f"{prefix}-{number}", namespace, spec=_SCENARIO)
        return str((await api.client.create(TEST_SCENARIOS, body, namespace))["metadata"]["uid"])

    creating = asyncio.ensure_future(for_each(range(runs), create))
    passed: set[str] = set()

    def ended(event: Event) -> bool:
        if event.kind == "TestScenario" and event.condition("Complete"):
            status = event.body["status"]
            if status.get("verdict") != "Passed":
                raise RuntimeError(f"{event.name} ended as {status.get('verdict')}: {status.get('message', '')}")
            passed.add(event.uid)
        return len(passed) == runs

    last = await watch.first("all scenarios have passed", ended, since=since, timeout=60 + runs / 5)
    await creating
    return last.at - began, operator.cpu_seconds() - cpu
