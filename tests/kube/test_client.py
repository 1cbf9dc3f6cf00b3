"""The client against a server that plays the API server's HTTP, and its network's bad days."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from seatrial.kube import client as module
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, Expired, KubeError, NotFound, Unreachable
from seatrial.kube.resources import (
    BY_KIND,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SERVICES,
    TEST_SCENARIOS,
    Resource,
    subject,
)

pytestmark = pytest.mark.anyio

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str | None
    body: Any
    authorization: str | None


@dataclass
class Server:
    client: Client
    url: str
    answer: Answer
    seen: list[Seen] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.seen.append(
            Seen(
                request.method,
                request.raw_path.split("?")[0],
                dict(request.query),
                request.headers.get("Content-Type"),
                json.loads(text) if text else None,
                request.headers.get("Authorization"),
            )
        )
        return await self.answer(request)


async def echo(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"metadata": {"name": "a"}})


@asynccontextmanager
async def serving(answer: Answer = echo) -> AsyncIterator[Server]:
    app = web.Application()
    configuration = Configuration()
    configuration.api_key["BearerToken"] = "Bearer secret"
    async with TestServer(app) as http:
        configuration.host = str(http.make_url("")).rstrip("/")
        async with ApiClient(configuration) as api:
            server = Server(Client(api), configuration.host, answer)
            app.router._frozen = False
            app.router.add_route("*", "/{path:.*}", server.handle)
            yield server


def answering(content: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(content, bytes):
            return web.Response(body=content, status=status, headers=named)
        return web.json_response(content, status=status, headers=named)

    return answer


def dropping(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()


def status(code: int, reason: str = "", message: str = "", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


# ---------------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "part", "path"),
    [
        (PODS, None, None, None, "/api/v1/pods"),
        (PODS, "shop", None, None, "/api/v1/namespaces/shop/pods"),
        (PODS, "shop", "a", "log", "/api/v1/namespaces/shop/pods/a/log"),
        (NAMESPACES, None, "shop", None, "/api/v1/namespaces/shop"),
        (NAMESPACES, "ignored", "shop", None, "/api/v1/namespaces/shop"),
        (DEPLOYMENTS, "shop", "a", None, "/apis/apps/v1/namespaces/shop/deployments/a"),
        (
            TEST_SCENARIOS,
            "shop",
            "a",
            "status",
            "/apis/seatrial.dev/v1alpha1/namespaces/shop/testscenarios/a/status",
        ),
    ],
)
def test_paths(resource: Resource, namespace: str | None, name: str | None, part: str | None, path: str) -> None:
    assert resource.path(namespace, name, part) == path
    # And back, as RBAC rules name it.
    assert subject(path) == resource.plural + (f"/{part}" if part else "")


def test_kinds_are_found_by_their_name() -> None:
    assert all(resource.kind == kind for kind, resource in BY_KIND.items())
    assert TEST_SCENARIOS.api_version == "seatrial.dev/v1alpha1"
    assert PODS.api_version == "v1"


async def test_reading() -> None:
    async with serving() as server:
        assert await server.client.get(SERVICES, "web", "shop") == {"metadata": {"name": "a"}}
        server.answer = answering({"items": [{"a": 1}]})
        assert await server.client.list(PODS, "shop", limit=7) == [{"a": 1}]
        server.answer = answering({"items": None})
        assert await server.client.list(PODS) == []
    got, listed, _ = server.seen
    assert (got.method, got.path, got.query) == ("GET", "/api/v1/namespaces/shop/services/web", {})
    assert (listed.path, listed.query) == ("/api/v1/namespaces/shop/pods", {"limit": "7"})
    assert got.authorization == "Bearer secret"


async def test_creating() -> None:
    async with serving() as server:
        await server.client.create(PODS, {"metadata": {"name": "ü"}}, "shop")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/v1/namespaces/shop/pods")
    assert (seen.content_type, seen.body) == ("application/json", {"metadata": {"name": "ü"}})


async def test_patching_is_a_json_patch() -> None:
    operations = ({"op": "test", "path": "/metadata/uid", "value": "u"}, {"op": "add", "path": "/status", "value": {}})
    async with serving() as server:
        await server.client.patch_json(TEST_SCENARIOS, "a", "shop", operations, subresource="status")
    (seen,) = server.seen
    assert (seen.method, seen.content_type) == ("PATCH", "application/json-patch+json")
    assert seen.path.endswith("/namespaces/shop/testscenarios/a/status")
    assert seen.body == list(operations)


async def test_applying_is_a_strict_server_side_apply() -> None:
    body = {"metadata": {"name": "a", "namespace": "shop"}}
    async with serving() as server:
        await server.client.apply(TEST_SCENARIOS, body, field_manager="me")
        await server.client.apply(TEST_SCENARIOS, body, field_manager="me", force=False)
    first, second = server.seen
    assert (first.method, first.content_type, first.body) == ("PATCH", "application/apply-patch+yaml", body)
    assert first.query == {"fieldManager": "me", "force": "true", "fieldValidation": "Strict"}
    assert second.query["force"] == "false"


async def test_deleting_names_the_uid() -> None:
    async with serving() as server:
        await server.client.delete(PODS, "a", "shop", uid="u")
        await server.client.delete(NAMESPACES, "n")
    first, second = server.seen
    assert first.body == {"propagationPolicy": "Background", "preconditions": {"uid": "u"}}
    assert (second.method, second.path) == ("DELETE", "/api/v1/namespaces/n")
    assert second.body == {"propagationPolicy": "Background"}


async def test_writes_are_counted_and_reads_are_not() -> None:
    async with serving() as server:
        await server.client.get(PODS, "a", "shop")
        await server.client.delete(PODS, "a", "shop")
        await server.client.patch_json(TEST_SCENARIOS, "a", "shop", [], subresource="status")
        server.answer = answering(status(500), 500)
        with pytest.raises(ApiError):
            await server.client.delete(PODS, "a", "shop")
    assert server.client.writes == {("DELETE", "pods"): 2, ("PATCH", "testscenarios/status"): 1}


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("answer", "kind", "transient"),
    [
        (status(403, "Forbidden", "no"), ApiError, False),
        (status(404, "NotFound", "no"), NotFound, False),
        (status(409, "AlreadyExists", "no"), Conflict, False),
        (status(410, "Expired", "no"), Expired, False),
        (status(429, "TooManyRequests", "no"), ApiError, True),
        (status(500, "InternalError", "no"), ApiError, True),
        (status(504, "Timeout", "no"), ApiError, True),
        # What a failed test of a JSON patch looks like, and what an invalid object looks like.
        (status(422, "Invalid", "no"), Conflict, False),
        (status(422, "Invalid", "no", causes=[{"field": "spec"}]), ApiError, False),
    ],
    ids=lambda value: f"{value['code']}{value['details']}" if isinstance(value, dict) else "",
)
async def test_refusals(answer: dict[str, Any], kind: type[ApiError], transient: bool) -> None:
    async with serving(answering(answer, answer["code"])) as server:
        with pytest.raises(ApiError) as caught:
            await server.client.get(PODS, "a", "shop")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.reason, error.message) == (answer["code"], answer["reason"], "no")
    assert str(error) == f"{answer['reason']}: no"
    assert error.transient is transient
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)]
)
async def test_the_server_may_say_when_to_come_back(header: str, seconds: float | None) -> None:
    async with serving(answering(status(429), 429, Retry_After=header)) as server:
        with pytest.raises(ApiError) as caught:
            await server.client.get(PODS, "a", "shop")
    assert caught.value.retry_after == seconds


async def test_the_server_may_say_in_its_status_when_to_come_back() -> None:
    async with serving(answering(status(429, retryAfterSeconds=3), 429)) as server:
        with pytest.raises(ApiError) as caught:
            await server.client.get(PODS, "a", "shop")
    assert caught.value.retry_after == 3


@pytest.mark.parametrize("content", [b"<html>502 Bad Gateway</html>", b"[1, 2]", b"", b"\xff\xfe", b'{"details": []}'])
async def test_proxies_in_between_answer_with_anything(content: bytes) -> None:
    async with serving(answering(content, 502)) as server:
        with pytest.raises(ApiError) as caught:
            await server.client.create(PODS, {}, "shop")
    assert (caught.value.status, caught.value.transient, caught.value.reason) == (502, True, "")
    if content.startswith(b"<"):
        assert caught.value.message == "<html>502 Bad Gateway</html>"


async def test_a_refusal_of_a_long_page_is_cut() -> None:
    async with serving(answering(b"x" * 10_000, 503)) as server:
        with pytest.raises(ApiError) as caught:
            await server.client.get(PODS, "a", "shop")
    assert len(caught.value.message) == 200


# ---------------------------------------------------------------------- no answer


async def test_a_refused_connection() -> None:
    async with serving() as server:
        pass
    configuration = Configuration(host=server.url)
    async with ApiClient(configuration) as api:
        with pytest.raises(Unreachable, match="GET /api/v1/namespaces/shop/pods/a: no answer from the API server"):
            await Client(api).get(PODS, "a", "shop")
        with pytest.raises(Unreachable):
            await anext(Client(api).follow_log("shop", "a"))


async def test_an_answer_in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    released = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with serving(hang) as server:
        with pytest.raises(Unreachable) as caught:
            await server.client.create(PODS, {}, "shop")
        released.set()
    assert str(caught.value).endswith("TimeoutError")


@pytest.mark.parametrize("code", [200, 500])
async def test_an_answer_that_breaks_off(code: int) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=code, headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"metadata"')
        dropping(request)
        return response

    async with serving(broken) as server:
        with pytest.raises(Unreachable):
            await server.client.get(PODS, "a", "shop")


async def test_a_connection_that_is_dropped() -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        dropping(request)
        return web.Response()

    async with serving(drop) as server:
        with pytest.raises(Unreachable):
            await server.client.delete(PODS, "a", "shop")


@pytest.mark.parametrize("content", [b"", b"<html>please log in</html>", b'{"metadata"', b"[]", b"null", b"\xff"])
async def test_an_answer_that_no_api_server_gives(content: bytes) -> None:
    """A login page with status 200 must be no bug of ours, and no object either."""
    async with serving(answering(content)) as server:
        with pytest.raises(Unreachable, match="no API server's"):
            await server.client.get(PODS, "a", "shop")


# ---------------------------------------------------------------------- streams


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
