"""Watches and logs, which the server sends piece by piece, and which break off."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from seatrial.kube import client as module
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Expired, KubeError, Unreachable
from seatrial.kube.resources import (
    TEST_SCENARIOS,
)
from tests.kube.server import Answer, answering, dropping, serving, status

pytestmark = pytest.mark.anyio


def streaming(*chunks: bytes, drop: bool = False) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0)
        if drop:
            await asyncio.sleep(0.01)
            dropping(request)
        return response

    return answer


def event(kind: str, version: int, **more: Any) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"resourceVersion": str(version)}} | more}).encode() + b"\n"


async def watched(client: Client, **how: Any) -> list[tuple[str, Any]]:
    return [seen async for seen in client.watch(TEST_SCENARIOS, "shop", name="a", **how)]


async def test_watching_asks_for_one_object() -> None:
    async with serving(streaming(event("ADDED", 1), event("MODIFIED", 2))) as server:
        seen = await watched(server.client)
        await watched(server.client, resource_version="5")
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED"]
    assert seen[1][1]["metadata"]["resourceVersion"] == "2"
    first, second = server.seen
    assert first.path == "/apis/seatrial.dev/v1alpha1/namespaces/shop/testscenarios"
    assert (first.query["watch"], first.query["fieldSelector"]) == ("true", "metadata.name=a")
    assert int(first.query["timeoutSeconds"]) > 0
    assert "resourceVersion" not in first.query
    assert second.query["resourceVersion"] == "5"


async def test_events_may_be_cut_anywhere() -> None:
    whole = event("ADDED", 1) + event("MODIFIED", 2, note="é" * 100)
    chunks = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    async with serving(streaming(*chunks)) as server:
        seen = await watched(server.client)
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED"]
    assert seen[1][1]["note"] == "é" * 100


async def test_an_event_may_be_long() -> None:
    """aiohttp's own line reader would give up at 64 KiB."""
    async with serving(streaming(event("ADDED", 1, note="x" * 3_000_000), event("MODIFIED", 2))) as server:
        seen = await watched(server.client)
    assert len(seen[0][1]["note"]) == 3_000_000
    assert len(seen) == 2


async def test_a_version_that_is_too_old_is_expired() -> None:
    stream = streaming(event("ADDED", 1), json.dumps({"type": "ERROR", "object": status(410, "Expired")}).encode())
    async with serving(stream) as server:
        with pytest.raises(Expired):
            await watched(server.client)
        server.answer = answering(status(410, "Gone"), 410)
        with pytest.raises(Expired):
            await watched(server.client)


async def test_other_errors_of_a_watch_are_refusals() -> None:
    async with serving(streaming(b'{"type": "ERROR", "object": {"message": "etcd is gone"}}\n')) as server:
        with pytest.raises(ApiError, match="etcd is gone") as caught:
            await watched(server.client)
    assert caught.value.status == 500


@pytest.mark.parametrize("drop", [False, True])
async def test_a_watch_that_is_cut_within_an_event_is_unreachable(drop: bool) -> None:
    async with serving(streaming(event("ADDED", 1), event("MODIFIED", 2)[:-10], drop=drop)) as server:
        with pytest.raises(Unreachable, match="broke off"):
            await watched(server.client)


async def test_a_watch_that_hears_nothing_for_too_long_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0)
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    released = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event("ADDED", 1))
        await released.wait()
        return response

    async with serving(hang) as server:
        with pytest.raises(Unreachable):
            await watched(server.client)
        released.set()


async def test_following_a_log() -> None:
    async with serving(streaming(b"one\nt", b"wo\n", b"\xff", b"three")) as server:
        lines = [line async for line in server.client.follow_log("shop", "a")]
    assert lines == ["one", "two", "\ufffdthree"]
    (seen,) = server.seen
    assert (seen.path, seen.query) == ("/api/v1/namespaces/shop/pods/a/log", {"follow": "true", "tailLines": "1"})


async def test_a_log_that_breaks_off() -> None:
    async with serving(streaming(b"one\ntw", drop=True)) as server:
        lines = server.client.follow_log("shop", "a")
        assert await anext(lines) == "one"
        with pytest.raises(Unreachable):
            await anext(lines)


async def test_a_log_that_is_refused() -> None:
    async with serving(answering(status(400, "BadRequest", "container is creating"), 400)) as server:
        with pytest.raises(ApiError, match="container is creating"):
            await anext(server.client.follow_log("shop", "a"))


async def test_whoever_stops_listening_closes_the_connection() -> None:
    hung_up = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x\n")
                await asyncio.sleep(0.005)
        except (aiohttp.ClientConnectionError, ConnectionError, asyncio.CancelledError):
            hung_up.set()
            raise

    async with serving(endless) as server:
        log = server.client.follow_log("shop", "a")
        assert await anext(log) == "x"
        await log.aclose()
        async with asyncio.timeout(10):
            await hung_up.wait()
    assert all(issubclass(kind, KubeError) for kind in (ApiError, Unreachable, Expired))
