"""What is not ours, and what others do to what is."""

import pytest

from seatrial.api import names
from seatrial.engine import resync
from tests.engine.api_server import Fault, Object
from tests.engine.scenarios import GET, never
from tests.engine.world import World

pytestmark = pytest.mark.anyio


async def test_a_namespace_of_somebody_else_is_left_alone(world: World) -> None:
    uid = world.scenario(GET)["metadata"]["uid"]  # the operator has not been told of it yet
    taken = names.environment_namespace("checkout", uid, "1")
    world.server.put("namespaces", {"metadata": {"name": taken}})
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert "is not of this run" in status["message"]
    assert world.server.get("namespaces", taken)
    assert [where for (_, where, _) in world.server.objects if where == taken] == []


async def test_nothing_runs_in_a_namespace_that_could_not_be_guarded(world: World) -> None:
    world.server.faults = [Fault("POST", "/networkpolicies$", status=403, reason="Forbidden")]
    world.scenario(GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert "NetworkPolicy seatrial was refused" in status["message"]
    assert not [write for write in world.server.writes if write.what == "deployments"]
    assert world.left() == []


async def test_the_environment_is_deleted_by_somebody_else(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.server.delete("namespaces", world.status()["run"]["namespace"])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "EnvironmentLost")


@pytest.mark.parametrize("kind", ["namespaces", "pods"])
async def test_what_went_without_a_word_does_not_hold_the_teardown_up(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A watch that is cut off tells of what is there when it is back, not of what went in between."""
    monkeypatch.setattr(resync, "INTERVAL", 0.05)
    listeners = world.server.listeners

    def deaf(plural: str, event: str, body: Object) -> None:
        if (plural, event) != (kind, "DELETED"):
            listeners[0](plural, event, body)

    world.server.listeners = [deaf]
    world.scenario(GET)
    assert (await world.until_done())["verdict"] == "Passed"


async def test_objects_that_are_still_there_are_kept_when_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "INTERVAL", 0.02)
    world.server.cluster.linger = True
    world.scenario(GET)
    await world.until(lambda: world.status().get("verdict"))
    namespace = world.status()["run"]["namespace"]
    asked = ("GET", f"/api/v1/namespaces/{namespace}")
    await world.until(lambda: world.server.requests.count(asked) > 2)
    assert world.status()["phase"] == "Teardown"
    world.server._namespace_gone(namespace)
    assert (await world.until_done())["verdict"] == "Passed"
