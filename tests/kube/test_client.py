"""The client's calls, and what it makes of refusals and of no answer at all."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from seatrial.kube import client as module
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, Expired, NotFound, Unreachable
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
from tests.kube.server import answering, dropping, serving, status

pytestmark = pytest.mark.anyio


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
