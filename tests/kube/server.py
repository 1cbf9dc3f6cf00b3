"""A server that plays the API server's HTTP, and its network's bad days."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from seatrial.kube.client import Client

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
