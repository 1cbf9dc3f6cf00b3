"""Services under watch, and redirects between them, through whole runs."""

import asyncio

import pytest
from aiohttp import web

from seatrial.probe import readiness
from tests.engine.api_server import Object
from tests.engine.scenarios import GET
from tests.engine.world import World

pytestmark = pytest.mark.anyio


def service(world: World) -> Object:
    found: Object = world.status()["services"][0]
    return found


async def test_a_service_that_stops_answering_its_probe_is_named_and_recovers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "WATCH_PAUSE", 0.01)
    healthy, release = True, asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/probe":
            return web.Response(status=200 if healthy else 503)
        await release.wait()
        return web.Response()

    world.app.answer = answer
    ready = {"http": {"path": "/probe"}, "interval": "0s", "failureThreshold": 2}
    world.scenario(GET, services=[world.service(ready=ready)])
    await world.until(lambda: "GET /orders" in world.app.requests)
    healthy = False
    await world.until(lambda: service(world)["state"] == "Unhealthy")
    assert (service(world)["reason"], service(world)["message"]) == ("ProbeFailing", "GET /probe answered 503")
    patches = len(world.writes("events"))
    probes = len(world.app.requests)
    await world.until(lambda: len(world.app.requests) > probes + 5)
    assert len(world.writes("events")) == patches  # probing goes on, and nothing is written
    healthy = True
    await world.until(lambda: service(world)["state"] == "Healthy")
    release.set()
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert status["message"] == "1 of 1 steps succeeded; interrupted and recovered: web once"
    events = [event for event in world.server.all("events") if event["reason"] == "ServiceUnhealthy"]
    assert [event["type"] for event in events] == ["Warning"]
    assert "service web is not healthy any more: GET /probe answered 503" in events[0]["message"]


async def test_a_step_follows_redirects_between_services(world: World) -> None:
    port = world.app.port

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/orders":
            return web.Response(status=302, headers={"location": f"http://stock:{port}/items?all=1"})
        if request.path == "/out":
            return web.Response(status=302, headers={"location": f"http://127.0.0.1:{port}/orders"})
        return web.json_response({"host": request.headers["host"]})

    world.app.answer = answer
    follow = {"service": "web", "path": "/orders", "followRedirects": True}
    world.scenario(
        {"name": "in", "http": follow, "expect": [f"response.json.host == 'stock:{port}'"]},
        {"name": "not", "http": follow | {"followRedirects": False}, "expect": ["response.status == 302"]},
        {"name": "out", "http": follow | {"path": "/out"}, "expect": ["true"]},
        services=[world.service(), world.service(name="stock")],
    )
    status = await world.until_done()
    assert world.step("in")["state"] == world.step("not")["state"] == "Succeeded"
    assert (status["verdict"], status["reason"]) == ("Failed", "RedirectRefused")
    assert f"http://127.0.0.1:{port}/orders" in status["message"]
    assert sorted(world.app.requests) == ["GET /items?all=1", "GET /orders", "GET /orders", "GET /out"]
