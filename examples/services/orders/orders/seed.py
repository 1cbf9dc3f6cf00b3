"""Fills the shop with data: ``python -m orders.seed --orders 500``.

Orders go straight into the database, stock goes in through the inventory service. Run again, it inserts
nothing twice: a Job may start it more than once.
"""

import argparse
import asyncio
import json
import sys
from itertools import cycle, islice
from uuid import NAMESPACE_OID, uuid5

from orders.catalogue import PRICES_IN_CENTS
from orders.inventory import Inventory, InventoryUnavailable
from orders.settings import Settings
from orders.store import DatabaseUnreachable, Order, Store


def past_orders(count: int) -> list[Order]:
    """Return orders that go round the catalogue, the same ones each time."""
    orders = []
    for number, (sku, price) in enumerate(islice(cycle(PRICES_IN_CENTS.items()), count)):
        quantity = number % 7 + 1
        orders.append(Order(uuid5(NAMESPACE_OID, f"seed-{number}"), sku, quantity, price * quantity))
    return orders


async def seed(settings: Settings, *, orders: int, stock: int) -> None:
    """Insert that many past orders, and make that many pieces of each SKU available."""
    async with Store.connect(settings.database_url) as store, Inventory.connect(settings.inventory_url) as inventory:
        await store.add_all(past_orders(orders))
        for sku in PRICES_IN_CENTS:
            await inventory.set_available(sku, stock)


def main() -> None:
    """Seed as the command line says, and print what is there now."""
    parser = argparse.ArgumentParser(prog="orders.seed", description="Fill the shop with data.")
    parser.add_argument("--orders", type=int, default=500, help="past orders to insert (default: 500)")
    parser.add_argument("--stock", type=int, default=1_000_000, help="pieces of each SKU (default: 1000000)")
    arguments = parser.parse_args()
    try:
        asyncio.run(seed(Settings.from_environment(), orders=arguments.orders, stock=arguments.stock))
    except (DatabaseUnreachable, InventoryUnavailable) as error:
        sys.exit(f"orders.seed: {error}")
    print(json.dumps({"orders": arguments.orders, "stock": dict.fromkeys(PRICES_IN_CENTS, arguments.stock)}))


main()
