"""The HTTP interface of the inventory service."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict

from aiohttp import web
from redis import RedisError
from redis.asyncio import BlockingConnectionPool, Redis

from inventory.sessions import LIFETIME_SECONDS, Sessions
from inventory.stock import Stock

log = logging.getLogger("inventory")

REDIS_URL = web.AppKey("redis_url", str)
STOCK = web.AppKey("stock", Stock)
DELAY = web.AppKey("delay", float)
SESSIONS = web.AppKey("sessions", Sessions)
# Redis answers within a millisecond; whoever waits longer than this is better told so.
REDIS_TIMEOUT_SECONDS = 2.0
LARGEST_COUNT = 1_000_000_000
NAME = "[A-Za-z0-9._-]{1,64}"
SKU_PATH = f"/stock/{{sku:{NAME}}}"

routes = web.RouteTableDef()


def application(redis_url: str, delay: float = 0.0) -> web.Application:
    """Return the service that keeps its stock in the Redis at an address such as ``redis://redis:6379/0``.

    It tells what is in stock that many seconds late.
    """
    app = web.Application(middlewares=[answer_errors_in_json])
    app[REDIS_URL] = redis_url
    app[DELAY] = delay
    app.add_routes(routes)
    app.cleanup_ctx.append(connect_redis)
    return app


async def connect_redis(app: web.Application) -> AsyncIterator[None]:
    """Hold the connections to Redis while the service runs."""
    pool = BlockingConnectionPool.from_url(
        app[REDIS_URL],
        max_connections=32,
        timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        decode_responses=True,
    )
    async with Redis.from_pool(pool) as redis:
        app[STOCK], app[SESSIONS] = Stock(redis), Sessions(redis)
        log.info('event="started"')
        yield
    log.info('event="stopped"')


@web.middleware
async def answer_errors_in_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer 503 while Redis does not answer, and give every error a JSON body."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.text}, status=error.status)
    except RedisError as error:
        log.warning('event="redis unavailable" path=%s error="%s"', request.path, error)
        return web.json_response({"error": f"redis does not answer: {error}"}, status=503)


@routes.get("/healthz")
async def health(request: web.Request) -> web.Response:
    """Healthy means that Redis answers."""
    await request.app[STOCK].ping()
    return web.json_response({"status": "ok"})


@routes.get(SKU_PATH)
async def get_stock(request: web.Request) -> web.Response:
    """Return the counts of a SKU, or with ``?order=ID`` what that order holds of it."""
    await asyncio.sleep(request.app[DELAY])
    level = await request.app[STOCK].level(request.match_info["sku"], order=request.query.get("order"))
    return web.json_response(asdict(level))


@routes.put(SKU_PATH)
async def put_stock(request: web.Request) -> web.Response:
    """Set what is available of a SKU."""
    sku, stock = request.match_info["sku"], request.app[STOCK]
    await stock.set_available(sku, whole_number(await json_object(request), "available", at_least=0))
    return web.json_response(asdict(await stock.level(sku)))


@routes.post(SKU_PATH + "/reservations")
async def post_reservation(request: web.Request) -> web.Response:
    """Reserve a quantity of a SKU for an order: 201, or 409 when there is not enough."""
    sku, body = request.match_info["sku"], await json_object(request)
    quantity = whole_number(body, "quantity", at_least=1)
    order = body.get("order")
    if not isinstance(order, str) or not re.fullmatch(NAME, order):
        raise web.HTTPUnprocessableEntity(text=f"order: must be the id of an order ({NAME}), not {order!r}")
    if not await request.app[STOCK].reserve(sku, order=order, quantity=quantity):
        raise web.HTTPConflict(text=f"{sku}: {quantity} cannot be reserved for order {order}")
    log.info('event="reserved" sku=%s order=%s quantity=%d', sku, order, quantity)
    return web.json_response({"sku": sku, "order": order, "quantity": quantity}, status=201)


@routes.post("/login")
async def post_login(request: web.Request) -> web.Response:
    """Begin a session for whoever gives a user and a password: its token is in the body, and in a cookie."""
    form = await request.post()
    user, password = form.get("user"), form.get("password")
    if not isinstance(user, str) or not re.fullmatch(NAME, user) or not password:
        raise web.HTTPUnauthorized(text=f"user ({NAME}) and password must be given, as a form")
    token = await request.app[SESSIONS].begin(user)
    answer = web.json_response({"user": user, "token": token}, status=201)
    answer.set_cookie("session", token, max_age=LIFETIME_SECONDS, httponly=True)
    return answer


@routes.get("/me")
async def get_me(request: web.Request) -> web.Response:
    """Return whose session the cookie, or the bearer token, is of: 401 without one."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    user = await request.app[SESSIONS].user(bearer or request.cookies.get("session", ""))
    if user is None:
        raise web.HTTPUnauthorized(text="nobody is logged in with this session: POST /login")
    return web.json_response({"user": user})


async def json_object(request: web.Request) -> dict[str, object]:
    """Return the body of a request, or answer 422 when it is not a JSON object."""
    try:
        body = await request.json()
    except ValueError as error:
        raise web.HTTPUnprocessableEntity(text=f"body: must be JSON: {error}") from error
    if not isinstance(body, dict):
        raise web.HTTPUnprocessableEntity(text="body: must be a JSON object")
    return body


def whole_number(body: dict[str, object], field: str, *, at_least: int) -> int:
    """Return a field of a body, or answer 422 when it is not a whole number in bounds."""
    value = body.get(field)
    # JSON's true is an int to Python.
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value <= LARGEST_COUNT:
        raise web.HTTPUnprocessableEntity(
            text=f"{field}: must be a whole number from {at_least} to {LARGEST_COUNT}, not {value!r}"
        )
    return value
