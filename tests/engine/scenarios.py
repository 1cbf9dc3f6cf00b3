"""Steps and answers of which many tests are made."""

import asyncio
from typing import Any

from aiohttp import web

from tests.engine.api_server import Object

GET: Object = {"name": "look", "http": {"service": "web", "path": "/orders"}}
POST: Object = {"name": "order", "http": {"service": "web", "method": "POST", "path": "/orders"}}


def conditions(status: Any) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def broken(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=500)
