"""An API server with bad moments: lost answers, refusals that pass, and deletions that it refuses."""

import asyncio
from typing import Any

import pytest

from seatrial.api import names
from tests.engine.api_server import Fault
from tests.engine.scenarios import GET, POST, never
from tests.engine.world import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/namespaces$", stored=True),
        Fault("POST", "/deployments$", stored=True),
        Fault("POST", "/services$", stored=True),
        Fault("POST", "/limitranges$", status=504, stored=True),
        Fault("PATCH", "/testscenarios/checkout$", stored=True),
        Fault("PATCH", "/status$", stored=True, times=2),
        Fault("DELETE", "/namespaces/trial", stored=True),
        Fault("DELETE", "/deployments/", stored=True),
    ],
    ids=lambda fault: f"{fault.method} {fault.path}",
)
async def test_a_lost_answer_doubles_nothing(world: World, fault: Fault) -> None:
    """The server did it, but the connection broke before it could say so."""
    world.server.faults = [fault]
    world.scenario(GET)
    status = await world.until_done()
    assert fault.hits == fault.times
    assert status["verdict"] == "Passed"
    assert world.app.requests == ["GET /orders"]
    assert world.left() == []
    assert world.finalizers() == []


async def test_a_lost_answer_does_not_put_the_finalizer_on_twice(world: World) -> None:
    world.app.answer = never
    world.server.faults = [Fault("PATCH", "/testscenarios/checkout$", stored=True)]
    world.server.listeners = []
    world.scenario(GET)
    body = world.server.change(
        "testscenarios", "checkout", "shop", lambda body: body["metadata"].update(finalizers=["example.com/mine"])
    )
    world.tell("testscenarios", "ADDED", body)
    await world.until(lambda: world.server.faults[0].hits)
    await asyncio.sleep(0.1)  # more tries, in a world of which no watch has told yet
    assert world.finalizers() == ["example.com/mine", names.FINALIZER]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/namespaces$", status=500),
        Fault("POST", "/deployments$", status=429, headers={"Retry-After": "0"}),
        Fault("POST", "/resourcequotas$", status=503),
        Fault("POST", "/services$", status=409, reason="Conflict"),  # two writers of the quota: kubernetes#67761
        Fault("POST", "/deployments$"),
        Fault("PATCH", "/status$", status=500, times=2),
        Fault("PATCH", "/status$", status=409, reason="Conflict", times=2),
        Fault("DELETE", "/deployments/", status=500),
        Fault("DELETE", "/namespaces/trial", status=403, times=2),
        Fault("POST", "/events$", status=500, times=9),
    ],
    ids=lambda fault: f"{fault.method} {fault.path} {fault.status}",
)
async def test_a_bad_moment_of_the_api_server_changes_no_verdict(world: World, fault: Fault) -> None:
    world.server.faults = [fault]
    world.scenario(GET)
    status = await world.until_done()
    assert fault.hits
    assert status["verdict"] == "Passed"
    assert world.left() == []


async def test_the_last_status_gets_through_a_conflict(world: World) -> None:
    """Nothing but the conflict itself tells that it has to be written again."""
    world.scenario(GET)
    await world.until(lambda: world.status().get("verdict"))
    world.server.faults = [Fault("PATCH", "/status$", status=409, reason="Conflict", times=3)]
    status = await world.until_done()
    assert status["phase"] == "Done"


async def test_what_cannot_be_taken_away_holds_up_neither_the_verdict_nor_its_own_report(world: World) -> None:
    world.server.faults = [Fault("DELETE", "/namespaces/trial", status=403, times=1000)]
    world.scenario(GET, timeouts={"teardown": "50ms"})
    await world.until(lambda: world.status().get("verdict"))
    assert world.status()["verdict"] == "Passed"

    def torn_down() -> Any:
        return next(entry for entry in world.status()["conditions"] if entry["type"] == "TornDown")

    await world.until(lambda: torn_down()["reason"] == "Blocked")
    assert world.status()["run"]["namespace"] in torn_down()["message"]
    assert world.status()["phase"] == "Teardown"
    world.server.faults = []
    await world.until_done()


async def test_looking_up_a_service_is_tried_again_before_a_post(world: World) -> None:
    world.server.faults = [Fault("GET", "/services/web$", status=500, times=2)]
    world.scenario(POST, services=[world.service(ready={})])
    status = await world.until_done()
    assert (status["verdict"], world.app.requests) == ("Passed", ["POST /orders"])


async def test_a_service_that_is_gone_is_an_error(world: World) -> None:
    world.server.faults = [Fault("GET", "/services/web$", status=404, reason="NotFound")]
    world.scenario(POST, services=[world.service(ready={})])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "ServiceLost")


async def test_probing_goes_on_after_a_bad_moment(world: World) -> None:
    world.server.faults = [Fault("GET", "/services/web$", status=500)]
    world.scenario(GET)
    assert (await world.until_done())["verdict"] == "Passed"
