"""What a step that the operator itself runs costs beyond its request."""

import asyncio
import time
from statistics import median

import uvloop
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from e2e.bench.api import Api, connect, manifest, own_namespace
from e2e.bench.figure import Figure
from e2e.bench.short import SCENARIO, WATCHED, pod_spec
from e2e.bench.watching import Event, Watching, watching
from seatrial.api.timestamp import moment
from seatrial.kube.client import Object
from seatrial.kube.resources import PODS, SERVICES, TEST_SCENARIOS

#: Steps of a run, one after the other.
STEPS = 50
ROUNDS = 5
_PORT = 8080


def measure(rounds: int = ROUNDS, steps: int = STEPS) -> list[Figure]:
    """Runs chains of HTTP steps, and sends as many requests to the same server without an operator.

    The time of a step is that of the whole chain, by status, divided by its steps: planning, sending, judging, and the
    way to the next one are in it. A bare request, on a connection of its own like that of a step, is subtracted.

    Args:
        rounds: How many runs; the median counts.
        steps: Steps of each.

    Raises:
        RuntimeError: A run does not pass, or not in time.
        KubeError: The API server refuses, or does not answer.
    """
    return uvloop.run(_measure(rounds, steps))


async def _measure(rounds: int, steps: int) -> list[Figure]:
    async with connect() as api, own_namespace(api) as namespace, watching(api, *WATCHED) as watch:
        address = await _server(api, watch, namespace)
        await _requests(address, steps)
        chains, bares = [], []
        for number in range(rounds):
            bares.append(await _requests(address, steps))
            chains.append(await _chain(api, watch, namespace, f"chain-{number}", steps))
        step, bare = median(chains) * 1000, median(bares) * 1000
        beside = {"step_ms": round(step, 2), "bare_ms": round(bare, 2), "steps": steps, "rounds": rounds}
        return [Figure("step.own_ms", round(step - bare, 2), "ms", 5, "lower", beside)]


async def _server(api: Api, watch: Watching, namespace: str) -> str:
    """Starts the service's pod without an operator, and returns the address at which a Service reaches it."""
    since = len(watch.events)
    labels = {"run": "bare"}
    pod = manifest(PODS, "bare", namespace, spec=pod_spec(probed=True))
    pod["metadata"]["labels"] = pod["metadata"]["labels"] | labels
    await api.client.create(PODS, pod, namespace)
    ports: list[Object] = [{"port": _PORT}]
    service = manifest(SERVICES, "bare", namespace, spec={"selector": labels, "ports": ports})
    stored = await api.client.create(SERVICES, service, namespace)

    def ready(event: Event) -> bool:
        return event.kind == "Pod" and event.name == "bare" and event.condition("Ready")

    await watch.first("pod bare is Ready", ready, since=since)
    address = str(stored["spec"]["clusterIP"])
    await _reachable(address)
    return address


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True)
async def _reachable(address: str) -> None:
    """Waits until the node leads to the pod, which it does a moment after the pod is Ready."""
    await _requests(address, 1)


async def _requests(address: str, number: int) -> float:
    """Sends requests one after the other. Returns the seconds that each took."""
    began = time.perf_counter()
    for _ in range(number):
        reader, writer = await asyncio.open_connection(address, _PORT)
        writer.write(f"GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        head = await reader.read()
        writer.close()
        assert head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")), head[:100]
    return (time.perf_counter() - began) / number


async def _chain(api: Api, watch: Watching, namespace: str, name: str, steps: int) -> float:
    """Runs a chain of steps. Returns the seconds that each took."""
    (one,) = SCENARIO["steps"]
    chain = [
        one | {"name": f"s{number}", "needs": [{"step": f"s{number - 1}"}] if number else []} for number in range(steps)
    ]
    since = len(watch.events)
    body = manifest(TEST_SCENARIOS, name, namespace, spec=SCENARIO | {"steps": chain})
    uid = (await api.client.create(TEST_SCENARIOS, body, namespace))["metadata"]["uid"]

    def let_go(event: Event) -> bool:
        return event.uid == uid and event.condition("TornDown") and not event.body["metadata"].get("finalizers")

    status = (await watch.first(f"{name} ends", let_go, since=since, timeout=180)).body["status"]
    await api.client.delete(TEST_SCENARIOS, name, namespace)
    if status["verdict"] != "Passed":
        raise RuntimeError(f"{name} ended as {status['verdict']}: {status['reason']}: {status.get('message', '')}")
    first, last = status["steps"][0], status["steps"][-1]
    return (moment(last["finishedAt"]) - moment(first["startedAt"])).total_seconds() / steps
