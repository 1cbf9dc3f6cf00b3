"""Runs that wait, are stopped, kept and scheduled: a controller and an API server over HTTP."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from seatrial.api.base import API_VERSION
from seatrial.engine import execution
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.world import World

pytestmark = pytest.mark.anyio

GET: Object = {"name": "look", "http": {"service": "web", "path": "/orders"}}
GROUP: Object = {"concurrency": {"group": "db"}}


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


def apply(world: World, name: str, *steps: Object, **spec: Any) -> None:
    spec = {"environment": {"services": [world.service()]}, "steps": list(steps)} | spec
    world.server.put("testscenarios", {"apiVersion": API_VERSION, "metadata": {"name": name}, "spec": spec}, "shop")


def status(world: World, name: str) -> Any:
    return (world.server.get("testscenarios", name, "shop") or {}).get("status") or {}


def steer(world: World, name: str, **fields: Any) -> None:
    world.server.change("testscenarios", name, "shop", lambda body: body["spec"].update(fields))


def finalizers(world: World, name: str) -> list[str]:
    return list((world.server.get("testscenarios", name, "shop") or {})["metadata"].get("finalizers", []))


async def reach(world: World, name: str, true: Callable[[Any], object]) -> Any:
    await world.until(lambda: true(status(world, name)), f"{name}: {status(world, name)}")
    return status(world, name)


async def done(world: World, name: str) -> Any:
    return await reach(world, name, lambda found: found.get("phase") == "Done")


async def test_a_group_runs_one_at_a_time_also_when_the_operator_is_killed(world: World) -> None:
    world.app.answer = never
    apply(world, "first", GET, **GROUP)
    await world.until(lambda: world.app.requests)
    for number, name in enumerate(("second", "third"), 1):
        apply(world, name, **GROUP)
        queued = await reach(world, name, lambda found: found.get("phase") == "Queued")
        assert queued["queue"]["position"] == number
    assert status(world, "second")["queue"]["behind"] == "TestScenario first"
    before = status(world, "third")["queue"]
    writes = len(world.server.writes)
    world.kill()
    world.start()
    await world.until(lambda: world.controller._loop.turns >= 3)
    await asyncio.sleep(0.1)
    assert [write for write in world.server.writes[writes:] if write.name in {"second", "third"}] == []
    assert finalizers(world, "second") == []
    steer(world, "first", stop="Immediate")
    assert (await done(world, "third"))["verdict"] == "Passed"
    assert status(world, "first")["reason"] == "Stopped"
    second, third = status(world, "second"), status(world, "third")
    assert second["verdict"] == "Passed"
    assert third["run"]["startedAt"] >= second["run"]["finishedAt"]
    assert third["run"]["startedAt"] > before["since"]
    assert world.left() == []


async def test_deleting_who_waits_lets_the_next_one_up(world: World) -> None:
    world.app.answer = never
    apply(world, "first", GET, **GROUP)
    await world.until(lambda: world.app.requests)
    for name in ("second", "third"):
        apply(world, name, **GROUP)
        await reach(world, name, lambda found: found.get("phase") == "Queued")
    world.server.delete("testscenarios", "second", "shop")
    await reach(world, "third", lambda found: found["queue"]["position"] == 1)
    world.kill()


async def test_the_newest_takes_the_place_of_the_oldest(world: World) -> None:
    world.app.answer = never
    apply(world, "first", GET, **GROUP)
    await world.until(lambda: world.app.requests)
    apply(world, "newer", concurrency={"group": "db", "policy": "CancelOldest"})
    assert (await done(world, "newer"))["verdict"] == "Passed"
    assert (status(world, "first")["verdict"], status(world, "first")["reason"]) == ("Cancelled", "Replaced")
    await world.until(lambda: not finalizers(world, "newer"))  # it has room until then
    apply(world, "last", concurrency={"group": "db", "policy": "Reject"})
    assert (await done(world, "last"))["verdict"] == "Passed"


async def test_a_scenario_is_woken_by_the_verdict_that_it_waits_for(world: World) -> None:
    apply(world, "after", dependsOn=[{"scenario": "base"}])
    await reach(world, "after", lambda found: found.get("reason") == "WaitingForScenario")
    apply(world, "base", suspend=True, dependsOn=[{"scenario": "after"}])
    stalled = await reach(world, "after", lambda found: found.get("reason") == "InvalidSpec")
    assert "after -> base -> after" in stalled["message"]
    steer(world, "base", suspend=False, dependsOn=[])
    assert (await done(world, "after"))["verdict"] == "Passed"
    assert status(world, "base")["verdict"] == "Passed"


async def test_an_edit_of_what_steers_keeps_the_verdict(world: World) -> None:
    apply(world, "checkout", GET)
    before = await done(world, "checkout")
    await world.until(lambda: not finalizers(world, "checkout"))
    steer(world, "checkout", history=3, concurrency={"group": "db"})
    after = await reach(world, "checkout", lambda found: found["observedGeneration"] == 2)
    assert (after["run"]["id"], after["run"]["generation"]) == ("1", 2)
    assert after["run"]["startedAt"] == before["run"]["startedAt"]
    assert finalizers(world, "checkout") == []
    assert world.app.requests == ["GET /orders"]


async def test_a_kept_environment_survives_the_operator(world: World) -> None:
    async def broken(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    world.app.answer = broken
    apply(world, "kept", GET, retain={"when": "OnFailure"})
    await reach(world, "kept", lambda found: found.get("phase") == "Retained")
    world.kill()
    world.start()
    await world.until(lambda: world.controller._loop.turns >= 1)
    await asyncio.sleep(0.1)
    assert any(name.startswith("deployments/") for name in world.left())
    steer(world, "kept", retain={"when": "Never"})
    assert (await done(world, "kept"))["verdict"] == "Failed"
    assert world.left() == []


async def test_a_quota_of_the_namespace_is_waited_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "FIRST_QUOTA_RETRY", timedelta(milliseconds=50))
    web_service: Object = {"metadata": {"name": "web"}, "spec": {"clusterIP": "127.0.0.1", "ports": [{"port": 80}]}}
    world.server.put("services", web_service, "shop")
    world.server.cluster.job = lambda server, body: ApiServer.start_workers(server, body)
    quota = "exceeded quota: team, requested: count/jobs.batch=1, used: 1, limited: 1"
    world.server.faults = [Fault("POST", "/jobs", status=403, reason="Forbidden", times=2, message=quota)]
    world.load_test()
    await world.until(lambda: world.status("loadtests").get("phase") == "Queued")
    queued = next(row for row in world.status("loadtests")["conditions"] if row["type"] == "Queued")
    assert (queued["status"], queued["reason"]) == ("True", "QuotaExceeded")
    assert quota in queued["message"]
    await world.until(lambda: world.status("loadtests").get("phase") == "Running")
    assert world.server.faults[0].hits == 2
    world.kill()
