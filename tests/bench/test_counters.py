import pytest
from prometheus_client import CollectorRegistry, generate_latest

from e2e.bench.counters import parsed
from seatrial.api.base import API_VERSION
from seatrial.engine.metrics import Metrics
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import LEASES, NAMESPACES, PODS, TEST_SCENARIOS, subject
from tests.engine.api_server import serving


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_a_path_is_named_as_rbac_rules_name_it() -> None:
    assert subject(NAMESPACES.path()) == "namespaces"
    assert subject(NAMESPACES.path(None, "shop")) == "namespaces"
    assert subject(PODS.path("shop")) == "pods"
    assert subject(PODS.path("shop", "web-1", "log")) == "pods/log"
    assert subject(LEASES.path("shop", "heartbeat")) == "leases"
    assert subject(TEST_SCENARIOS.path("shop", "checkout")) == "testscenarios"
    assert subject(TEST_SCENARIOS.path("shop", "checkout", "status")) == "testscenarios/status"


@pytest.mark.anyio
async def test_every_write_of_a_client_is_on_the_page_of_metrics() -> None:
    registry = CollectorRegistry()
    async with serving() as (_, client, _):
        Metrics(registry).count_writes(client.writes)
        assert parsed(generate_latest(registry).decode()) == {}
        body = {"apiVersion": API_VERSION, "kind": "TestScenario", "metadata": {"name": "checkout"}, "spec": {}}
        await client.create(TEST_SCENARIOS, body, "shop")
        await client.get(TEST_SCENARIOS, "checkout", "shop")
        status = [{"op": "add", "path": "/status", "value": {}}]
        await client.patch_json(TEST_SCENARIOS, "checkout", "shop", status, subresource="status")
        await client.delete(TEST_SCENARIOS, "checkout", "shop")
        with pytest.raises(NotFound):
            await client.delete(TEST_SCENARIOS, "checkout", "shop")
        assert parsed(generate_latest(registry).decode()) == {
            "POST testscenarios": 1,
            "PATCH testscenarios/status": 1,
            "DELETE testscenarios": 2,
        }


def test_an_operator_that_does_not_count_is_told_from_one_that_wrote_nothing() -> None:
    with pytest.raises(RuntimeError, match="older than this checkout"):
        parsed("# TYPE seatrial_runs counter\n")
