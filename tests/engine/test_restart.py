"""Runs that an operator begins and another one ends, killed or told to stop in between."""

import asyncio

import pytest
from aiohttp import web

from tests.engine.api_server import Object
from tests.engine.scenarios import GET, POST, never
from tests.engine.world import World

pytestmark = pytest.mark.anyio


async def test_a_post_that_was_cut_off_is_an_error_and_never_sent_twice(world: World) -> None:
    world.app.answer = never
    world.scenario(POST)
    await world.until(lambda: world.app.requests)
    assert world.step("order")["state"] == "Running"  # its intent was on record before it was sent
    world.kill()
    world.start()
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Interrupted")
    assert world.app.requests == ["POST /orders"]


async def test_a_get_that_was_cut_off_is_sent_again(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.kill()

    async def fine(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    world.app.answer = fine
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"
    assert world.app.requests == ["GET /orders"] * 2


async def test_an_edit_while_no_operator_runs_is_judged_by_the_spec_on_record(world: World) -> None:
    world.app.answer = never
    world.scenario(GET, teardown=[{"name": "export", "job": {"image": "export:1"}}])
    await world.until(lambda: world.app.requests)
    world.kill()
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(steps=[], teardown=[]))
    world.start()
    await world.until(lambda: world.status()["run"]["id"] == "2")
    status = await world.until_done()
    assert status["history"][0]["reason"] == "SpecChanged"
    assert next(write.name for write in world.writes() if write.what == "jobs") == "step-export"


async def test_on_sigterm_the_answer_of_a_request_under_way_is_stored(world: World) -> None:
    released = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    world.app.answer = slow
    world.scenario(POST, {"name": "second", "needs": [{"step": "order"}], **_http("POST", "/second")})
    await world.until(lambda: world.app.requests)
    closing = asyncio.create_task(world.controller.close())
    await asyncio.sleep(0.01)
    released.set()
    await closing
    assert world.step("order")["state"] == "Succeeded"
    # What comes after belongs to the next operator, and must not look as if it had been sent.
    assert world.step("second")["state"] == "Pending"
    assert world.app.requests == ["POST /orders"]
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"
    assert world.app.requests == ["POST /orders", "POST /second"]


async def test_on_sigterm_an_intent_that_is_being_stored_is_carried_out(world: World) -> None:
    """The turn that stores the intent of a POST is under way: the POST is sent, because that is what is on record."""
    world.scenario(GET, POST | {"needs": [{"step": "look"}]})
    patched = asyncio.Event()
    answered = asyncio.Event()
    answer = world.server._answer

    async def held(request: web.Request) -> web.StreamResponse:
        response = await answer(request)
        if request.method == "PATCH" and world.step("order").get("state") == "Running" and not patched.is_set():
            patched.set()
            await answered.wait()
        return response

    world.server._answer = held  # type: ignore[method-assign]  # a server that holds its answer
    await patched.wait()
    closing = asyncio.create_task(world.controller.close())
    await asyncio.sleep(0.01)
    answered.set()
    await closing
    assert world.app.requests == ["GET /orders", "POST /orders"]
    assert world.step("order")["state"] == "Succeeded"
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"


def _http(method: str, path: str) -> Object:
    return {"http": {"service": "web", "method": method, "path": path}}
