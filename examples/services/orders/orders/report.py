"""Prints a summary of all orders as one line of JSON: ``python -m orders.report``."""

import asyncio
import json
import os
import sys

from orders.store import DatabaseUnreachable, Store


async def summary(database_url: str) -> dict[str, object]:
    """Return the number of orders, their pieces and their total in cents, overall and for each SKU."""
    async with Store.connect(database_url) as store:
        by_sku = await store.totals()
    overall = {name: sum(row[name] for row in by_sku.values()) for name in ("orders", "quantity", "total")}
    return {**overall, "skus": by_sku}


def main() -> None:
    """Print the summary of the database that DATABASE_URL names."""
    database_url = os.environ.get("DATABASE_URL")
    if not database_url:
        sys.exit("orders.report: DATABASE_URL is not set; set it to the address of the orders database")
    try:
        print(json.dumps(asyncio.run(summary(database_url))))
    except DatabaseUnreachable as error:
        sys.exit(f"orders.report: {error}")


main()
