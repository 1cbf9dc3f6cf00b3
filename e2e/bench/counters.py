"""What the operator itself counts, read from its metrics."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from e2e.bench.api import Api
from seatrial.kube.resources import PODS

NAMESPACE = "seatrial-system"
_NAME = "seatrial"
_PORT = 9090

#: Requests, by HTTP method and by what they are about: ``PATCH testscenarios/status``.
Writes = Counter[str]


async def operator_pod(api: Api) -> str:
    """Names the operator's pod; a restart gives it another name, or its counters another start.

    Raises:
        RuntimeError: There is not exactly one that is ready.
    """
    pods = [body for body in await api.client.list(PODS, NAMESPACE) if _is_operator(body)]
    if len(pods) != 1:
        raise RuntimeError(f"{len(pods)} operators run in namespace {NAMESPACE}, and not one: is the chart installed?")
    return str(pods[0]["metadata"]["name"])


async def api_writes(api: Api, pod: str) -> Writes:
    """Reads how many writes the operator has sent to the API server since its start."""
    return parsed(await api.text(f"{PODS.path(NAMESPACE, f'{pod}:{_PORT}')}/proxy/metrics"))


def parsed(page: str) -> Writes:
    """Reads the count from a page of metrics.

    Raises:
        RuntimeError: The page has no such metric, so this is not the operator of this checkout.
    """
    families = {family.name: family for family in text_string_to_metric_families(page)}
    if "seatrial_api_writes" not in families:
        raise RuntimeError("the operator does not count its writes: its image is older than this checkout")
    samples = [row for row in families["seatrial_api_writes"].samples if row.name.endswith("_total")]
    return Counter({f"{row.labels['verb']} {row.labels['resource']}": int(row.value) for row in samples})


def _is_operator(body: dict[str, object]) -> bool:
    metadata, status = body["metadata"], body.get("status")
    assert isinstance(metadata, dict)
    assert isinstance(status, dict)
    named = metadata.get("labels", {}).get("app.kubernetes.io/name") == _NAME
    ready = any(row["type"] == "Ready" and row["status"] == "True" for row in status.get("conditions", []))
    return bool(named and ready and "deletionTimestamp" not in metadata)
