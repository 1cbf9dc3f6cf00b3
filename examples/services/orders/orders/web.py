"""The HTTP interface of the orders service."""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
from aiohttp import web

from orders.catalogue import PRICES_IN_CENTS
from orders.inventory import InsufficientStock, Inventory, InventoryUnavailable
from orders.settings import Settings
from orders.store import Order, Store

log = logging.getLogger("orders")

SETTINGS = web.AppKey("settings", Settings)
STORE = web.AppKey("store", Store)
INVENTORY = web.AppKey("inventory", Inventory)
LARGEST_QUANTITY = 1000
LARGEST_LIMIT = 1000
UNAVAILABLE = (InventoryUnavailable, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

routes = web.RouteTableDef()


def application(settings: Settings) -> web.Application:
    """Return the service; its start raises ``DatabaseUnreachable`` when there is no database."""
    app = web.Application(middlewares=[answer_errors_in_json])
    app[SETTINGS] = settings
    app.add_routes(routes)
    app.cleanup_ctx.append(connect)
    return app


async def connect(app: web.Application) -> AsyncIterator[None]:
    """Hold the connections to the database and to the inventory service while the service runs."""
    settings = app[SETTINGS]
    async with Store.connect(settings.database_url) as store, Inventory.connect(settings.inventory_url) as inventory:
        app[STORE], app[INVENTORY] = store, inventory
        log.info('event="started" port=%d', settings.port)
        yield
    log.info('event="stopped"')


@web.middleware
async def answer_errors_in_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer 503 while something that the service needs does not answer; give every error a JSON body."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.text}, status=error.status)
    except InsufficientStock as error:
        return web.json_response({"error": str(error)}, status=409)
    except UNAVAILABLE as error:
        log.warning('event="unavailable" path=%s error="%s: %s"', request.path, type(error).__name__, error)
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=503)


@routes.get("/healthz")
async def health(request: web.Request) -> web.Response:
    """Healthy means that the database answers."""
    await request.app[STORE].ping()
    return web.json_response({"status": "ok"})


@routes.post("/orders")
async def post_order(request: web.Request) -> web.Response:
    """Place an order: 201 once its stock is reserved, 409 when there is not enough of it."""
    sku, quantity = await order_line(request)
    total = 0 if request.app[SETTINGS].bug == "total" else PRICES_IN_CENTS[sku] * quantity
    order = Order(id=uuid4(), sku=sku, quantity=quantity, total=total)
    # The row is committed only after the reservation: no order is ever seen that has no stock.
    async with request.app[STORE].adding(order):
        await request.app[INVENTORY].reserve(sku, order=str(order.id), quantity=quantity)
    log.info('event="order placed" order=%s sku=%s quantity=%d total=%d', order.id, sku, quantity, total)
    return web.json_response(as_json(order), status=201, headers={"Location": f"/orders/{order.id}"})


@routes.get("/orders")
async def list_orders(request: web.Request) -> web.Response:
    """Return the newest orders, as many as ``?limit=`` says."""
    limit = request.query.get("limit", "20")
    if not re.fullmatch("[0-9]{1,4}", limit) or not 1 <= int(limit) <= LARGEST_LIMIT:
        raise web.HTTPUnprocessableEntity(text=f"limit: must be from 1 to {LARGEST_LIMIT}, not {limit!r}")
    return web.json_response([as_json(order) for order in await request.app[STORE].latest(int(limit))])


@routes.get("/orders/{id}")
async def get_order(request: web.Request) -> web.Response:
    """Return one order."""
    wanted = request.match_info["id"]
    try:
        order = await request.app[STORE].get(UUID(wanted))
    except ValueError:
        order = None
    if order is None:
        raise web.HTTPNotFound(text=f"there is no order {wanted}")
    return web.json_response(as_json(order))


def as_json(order: Order) -> dict[str, str | int]:
    """Return an order as the API shows it; the total is in cents."""
    return {"id": str(order.id), "sku": order.sku, "quantity": order.quantity, "total": order.total}


async def order_line(request: web.Request) -> tuple[str, int]:
    """Return the SKU and the quantity that a request orders, or answer 422 with what is wrong."""
    try:
        body = await request.json()
    except ValueError as error:
        raise web.HTTPUnprocessableEntity(text=f"body: must be JSON: {error}") from error
    if not isinstance(body, dict):
        raise web.HTTPUnprocessableEntity(text="body: must be a JSON object")
    sku, quantity = body.get("sku"), body.get("quantity", 1)
    if not isinstance(sku, str) or sku not in PRICES_IN_CENTS:
        raise web.HTTPUnprocessableEntity(text=f"sku: must be one of {', '.join(PRICES_IN_CENTS)}, not {sku!r}")
    # JSON's true is an int to Python.
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 1 <= quantity <= LARGEST_QUANTITY:
        raise web.HTTPUnprocessableEntity(
            text=f"quantity: must be a whole number from 1 to {LARGEST_QUANTITY}, not {quantity!r}"
        )
    return sku, quantity
