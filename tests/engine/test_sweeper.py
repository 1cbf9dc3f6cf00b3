"""Orphans are found and taken away; what only looks like one is left alone."""

import asyncio
from typing import Any

import pytest
from prometheus_client import generate_latest

from seatrial.api import names
from tests.engine.api_server import Fault, Object
from tests.engine.scenarios import GET, never
from tests.engine.world import World

pytestmark = pytest.mark.anyio

SAME = {"namespace": "Same"}


async def forget(world: World, **environment: Any) -> str:
    """Starts a run and deletes its resource by force, with no operator there. Returns its UID."""
    world.app.answer = never
    body = world.scenario(GET, environment={"services": [world.service()], **environment})
    await world.until(lambda: world.app.requests)
    world.kill()
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["metadata"].pop("finalizers"))
    world.server.delete("testscenarios", "checkout", "shop")
    assert world.left()
    return str(body["metadata"]["uid"])


def metric(world: World, line: str) -> bool:
    return line in generate_latest(world.metrics.registry).decode()


async def test_an_environment_of_a_resource_that_was_deleted_by_force_is_swept_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="seatrial.audit")
    await forget(world)
    world.start()
    assert metric(world, "seatrial_orphans_waiting 1.0")
    await world.until(lambda: not world.left())
    assert metric(world, 'seatrial_orphans_deleted_total{kind="Namespace"} 1.0')
    assert any("swept Namespace trial-checkout-" in record.getMessage() for record in caplog.records)
    await world.until(lambda: metric(world, "seatrial_orphans_waiting 0.0"))
    # The namespace took everything else with it.
    assert [write.what for write in world.server.writes if write.verb == "delete"] == ["namespaces"]


async def test_beside_the_resource_everything_is_swept_up_one_by_one(world: World) -> None:
    await forget(world, **SAME)
    world.start()
    await world.until(lambda: not world.left())
    deleted = [write.what for write in world.server.writes if write.verb == "delete"]
    assert deleted == ["deployments", "services", "controllerrevisions"]


async def test_a_resource_that_goes_while_the_operator_runs_leaves_orphans_too(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["metadata"].pop("finalizers"))
    world.server.delete("testscenarios", "checkout", "shop")
    await world.until(lambda: not world.left())


async def test_a_deletion_that_is_refused_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.engine.sweeper.FIRST_RETRY", 0.05)
    await forget(world)
    world.server.faults = [Fault("DELETE", "/namespaces/trial-", status=403, times=2)]
    world.start()
    await world.until(lambda: not world.left())


async def test_what_has_its_resource_after_all_is_left_alone(world: World) -> None:
    """The watch has not told of the resource, but the API server knows it."""
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.controller.store.drop_resource(*next(world.controller.store.resources()))
    (namespace,) = [body for body in world.server.all("namespaces") if body["metadata"]["name"] != "shop"]
    world.controller.sweeper.notice(namespace)
    await world.until(lambda: not world.controller.sweeper._tasks)
    assert not [write for write in world.server.writes if write.verb == "delete"]
    world.kill()


def labelled(name: str, owner: str, uid: str = "gone", **annotations: str) -> Object:
    return {
        "metadata": {
            "name": name,
            "labels": names.labels(uid, "1", service="web"),
            "annotations": {names.OWNER: owner, **annotations},
        }
    }


async def test_what_a_person_put_our_labels_on_is_never_deleted(world: World) -> None:
    """Owners that never existed, that exist with another UID, and no owner at all."""
    world.app.answer = never
    uid = str(world.scenario(GET)["metadata"]["uid"])
    await world.until(lambda: world.app.requests)
    never_existed, exists = "TestScenario/shop/nobody", "TestScenario/shop/checkout"
    world.server.put("namespaces", labelled("production", never_existed, **{names.RUN_SPEC: "{}"}))
    world.server.put("namespaces", labelled(names.environment_namespace("nobody", "gone", "1"), never_existed))
    world.server.put("namespaces", labelled("staging", exists, uid))
    theirs = ("theirs", "copy", "foreign")
    world.server.put("deployments", labelled("theirs", never_existed), "shop")
    world.server.put("deployments", labelled("copy", exists, uid), "shop")
    world.server.put("deployments", labelled("foreign", "", uid), "shop")
    await asyncio.sleep(0.2)
    world.server.delete("testscenarios", "checkout", "shop")
    await world.until(lambda: not world.server.all("testscenarios"))
    await asyncio.sleep(0.2)
    assert [body["metadata"]["name"] for body in world.server.all("deployments")] == sorted(theirs)
    assert len(world.server.all("namespaces")) == 4


async def test_nothing_is_swept_while_the_operator_stops(world: World) -> None:
    await forget(world)
    world.start()
    await world.controller.close()
    await asyncio.sleep(0.1)
    assert world.left()
