"""What whole runs seldom come across."""

import asyncio
import logging

import pytest

from seatrial.api import names
from seatrial.api.status import Phase, TestScenarioStatus
from seatrial.build.origin import Origin
from seatrial.engine import resync as resync_module
from seatrial.engine.activities import Activities
from seatrial.engine.addresses import Addresses
from seatrial.engine.announce import Announcer
from seatrial.engine.finalizer import add_finalizer, remove_finalizer
from seatrial.engine.key import Key
from seatrial.engine.perform import Performer
from seatrial.engine.resync import Resync
from seatrial.engine.session import Session
from seatrial.engine.settings import Settings
from seatrial.engine.stage import Stage
from seatrial.engine.store import Store
from seatrial.kube.errors import Conflict, NotFound
from seatrial.plan.decision import Action, Announcement
from seatrial.probe.exchange import Exchanger
from tests.engine.api_server import Fault, Object
from tests.engine.scenarios import GET, conditions, never
from tests.engine.world import World, until

pytestmark = pytest.mark.anyio

KEY = Key("TestScenario", "shop", "checkout")


def resource(world: World, *finalizers: str) -> Object:
    world.kill()
    return world.server.put("testscenarios", {"metadata": {"name": "checkout", "finalizers": list(finalizers)}}, "shop")


# ---------------------------------------------------------------------- finalizers


@pytest.mark.parametrize("others", [[], ["example.com/a"], ["example.com/a", "example.com/b"]])
async def test_the_finalizer_leaves_those_of_others_alone(world: World, others: list[str]) -> None:
    body = resource(world, *others)
    on = await add_finalizer(world.client, KEY, body)
    assert on["metadata"]["finalizers"] == [*others, names.FINALIZER]
    off = await remove_finalizer(world.client, KEY, on)
    assert off["metadata"]["finalizers"] == others


@pytest.mark.parametrize("others", [[], ["example.com/a"]])
async def test_a_finalizer_that_came_meanwhile_is_not_overwritten(world: World, others: list[str]) -> None:
    body = resource(world, *others)
    world.server.change(
        "testscenarios", "checkout", "shop", lambda stored: stored["metadata"]["finalizers"].append("example.com/new")
    )
    with pytest.raises(Conflict):
        await add_finalizer(world.client, KEY, body)
    assert world.finalizers() == [*others, "example.com/new"]


async def test_a_finalizer_that_moved_is_not_mistaken(world: World) -> None:
    on = await add_finalizer(world.client, KEY, resource(world, "example.com/a"))
    world.server.change(
        "testscenarios", "checkout", "shop", lambda stored: stored["metadata"]["finalizers"].insert(0, "example.com/b")
    )
    with pytest.raises(Conflict):
        await remove_finalizer(world.client, KEY, on)
    assert world.finalizers() == ["example.com/b", "example.com/a", names.FINALIZER]


async def test_a_finalizer_that_somebody_else_took_off_is_off(world: World) -> None:
    body = resource(world, "example.com/a")
    writes = len(world.server.writes)
    assert await remove_finalizer(world.client, KEY, body) == body
    assert await remove_finalizer(world.client, KEY, {"metadata": {}}) == {"metadata": {}}
    assert len(world.server.writes) == writes


async def test_finalizers_of_a_resource_that_is_gone(world: World) -> None:
    on = await add_finalizer(world.client, KEY, resource(world))
    await remove_finalizer(world.client, KEY, on)
    world.server.delete("testscenarios", "checkout", "shop")
    with pytest.raises(NotFound):
        await remove_finalizer(world.client, KEY, on)


# ---------------------------------------------------------------------- events


@pytest.mark.parametrize("name", ["checkout", "a" * 253, "a" * 199 + "-b", "a" * 199 + ".b"])
async def test_events_have_names_and_say_what_they_are_about(world: World, name: str) -> None:
    world.kill()
    key = Key("TestScenario", "shop", name)
    said = [Announcement(False, "Started", "run 1 started"), Announcement(True, "Blocked", "x" * 5000)]
    await Announcer(world.client).announce(key, "uid-1", said)
    events = sorted(world.server.all("events"), key=lambda event: str(event["type"]))
    assert [(event["type"], event["reason"]) for event in events] == [("Normal", "Started"), ("Warning", "Blocked")]
    assert events[0]["involvedObject"]["uid"] == "uid-1"
    assert len(events[1]["message"].encode()) <= 1024
    for event in events:
        made = event["metadata"]["name"]
        assert len(made) <= 253
        assert all(part[0].isalnum() and part[-1].isalnum() for part in made.split("."))


# ---------------------------------------------------------------------- activities


async def test_a_bug_in_an_activity_is_logged_and_its_run_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    exchanger = Exchanger()
    session, woken = Session("1"), asyncio.Queue[float]()

    async def work() -> None:
        raise ZeroDivisionError

    Activities(world.client, exchanger, world.controller._pool)._start(session, "check/a", work, woken.put_nowait)
    assert session.checking() == {"a"}
    assert await woken.get() > 0
    assert session.tasks == {}
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "check/a: a bug in Seatrial" in record.getMessage()
    await exchanger.close()


async def test_what_is_not_wanted_any_more_is_ended(world: World) -> None:
    exchanger = Exchanger()
    activities = Activities(world.client, exchanger, world.controller._pool)
    session = Session("1")
    for name in ("probe/a", "probe/b"):
        activities._start(session, name, lambda: asyncio.sleep(60), lambda delay: None)
    kept, ended = session.tasks["probe/a"], session.tasks["probe/b"]
    activities.keep_only(session, {"probe/a"})
    await until(ended.cancelled)
    assert not kept.done()
    session.stop()
    await until(kept.cancelled)
    await exchanger.close()


async def test_a_service_that_cannot_be_looked_up_is_an_error_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Addresses.requested.retry
    monkeypatch.setattr(patient, "stop", lambda state: state.attempt_number >= 2)
    world.server.faults = [Fault("GET", "/services/web$", status=500, times=1000)]
    world.scenario(GET, services=[world.service(ready={})])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "ServiceLost")


# ---------------------------------------------------------------------- writes


async def test_an_object_that_is_invalid_is_refused_for_good(world: World) -> None:
    world.server.faults = [Fault("POST", "/deployments$", status=422, reason="Invalid")]
    world.scenario(GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert "as the test wants it" in status["message"]


async def test_what_nobody_performs_is_a_bug(world: World) -> None:
    world.kill()
    performer = Performer(world.client, Store(), Settings(), world.controller._pool, lambda *_: None)
    stage = Stage(Origin("TestScenario", "shop", "checkout", "u", "1"), "trial", None, {})
    with pytest.raises(TypeError, match="nobody performs"):
        await performer.perform(Action(), stage)


# ---------------------------------------------------------------------- what is on record


async def test_a_status_that_cannot_be_read_is_made_anew(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.kill()
    world.scenario(GET)
    world.server.change("testscenarios", "checkout", "shop", lambda body: body.update(status={"phase": "Lunch"}))
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"
    assert "its status cannot be read and is made anew" in caplog.text


async def test_a_run_whose_spec_is_not_on_record_ends_and_is_taken_away(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    namespace = world.status()["run"]["namespace"]
    world.kill()
    # The operator was away while somebody edited the scenario, and somebody the namespace.
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(steps=[]))
    world.server.change("namespaces", namespace, "", lambda body: body["metadata"]["annotations"].pop(names.RUN_SPEC))
    world.start()
    await world.until(lambda: world.status()["run"]["id"] == "2")
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert status["history"][0]["verdict"] == "Cancelled"
    assert world.left() == []
    assert conditions(status)["TornDown"] == "True"


async def test_another_object_of_the_same_name_is_not_the_one_that_was_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync_module, "INTERVAL", 0.0)
    world.kill()
    store = Store()
    labels = {names.OWNER_UID: "u", names.RUN: "1"}
    old = world.server.put("pods", {"metadata": {"name": "p", "labels": labels}}, "shop")
    store.put("Pod", old)
    world.server.delete("pods", "p", "shop")
    world.server.put("pods", {"metadata": {"name": "p", "labels": {}}}, "shop")
    status = TestScenarioStatus(phase=Phase.TEARDOWN)
    await Resync(world.client, store).look(Session("1"), "u", status)
    assert store.objects("u", "Pod") == []
