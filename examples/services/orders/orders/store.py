"""Orders in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from typing import Self
from uuid import UUID

import asyncpg

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id       uuid PRIMARY KEY,
    sku      text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    total    bigint NOT NULL CHECK (total >= 0),
    placed   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS orders_by_time ON orders (placed DESC, id);
"""
INSERT = "INSERT INTO orders (id, sku, quantity, total) VALUES ($1, $2, $3, $4)"
# CREATE … IF NOT EXISTS fails when two replicas run it at once; the number only has to be the same in both.
SCHEMA_LOCK = 8_020_801
CONNECT_TIMEOUT_SECONDS = 10.0
QUERY_TIMEOUT_SECONDS = 5.0


class DatabaseUnreachable(Exception):
    """PostgreSQL does not let the service in."""


@dataclass(frozen=True)
class Order:
    """One order; ``total`` is in cents."""

    id: UUID
    sku: str
    quantity: int
    total: int


class Store:
    """The orders table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def connect(cls, database_url: str) -> AsyncIterator[Self]:
        """Connect and make the table where there is none.

        Raises:
            DatabaseUnreachable: PostgreSQL refuses, or does not answer within 10 seconds.
        """
        pool = asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=10,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=QUERY_TIMEOUT_SECONDS,
        )
        try:
            await pool
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            reason = str(error) or f"no answer within {CONNECT_TIMEOUT_SECONDS:.0f} s"
            raise DatabaseUnreachable(f"cannot use the database of DATABASE_URL: {reason}") from error
        async with pool:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
                await connection.execute(SCHEMA)
            yield cls(pool)

    async def ping(self) -> None:
        """Raise unless the database answers."""
        await self._pool.fetchval("SELECT 1", timeout=1.0)

    @asynccontextmanager
    async def adding(self, order: Order) -> AsyncIterator[None]:
        """Insert an order that stays only if the block inside ends without an error."""
        async with self._pool.acquire(timeout=QUERY_TIMEOUT_SECONDS) as connection, connection.transaction():
            await connection.execute(INSERT, *astuple(order))
            yield

    async def add_all(self, orders: Sequence[Order]) -> None:
        """Insert orders, leaving alone those that are there already."""
        rows = [astuple(order) for order in orders]
        await self._pool.executemany(f"{INSERT} ON CONFLICT (id) DO NOTHING", rows)

    async def get(self, order_id: UUID) -> Order | None:
        """Return an order, or None when there is none of that id."""
        row = await self._pool.fetchrow("SELECT id, sku, quantity, total FROM orders WHERE id = $1", order_id)
        return Order(**row) if row else None

    async def latest(self, limit: int) -> list[Order]:
        """Return the newest orders, newest first."""
        rows = await self._pool.fetch(
            "SELECT id, sku, quantity, total FROM orders ORDER BY placed DESC, id LIMIT $1", limit
        )
        return [Order(**row) for row in rows]

    async def totals(self) -> dict[str, dict[str, int]]:
        """Return for each SKU the number of orders, the pieces ordered and their total in cents."""
        rows = await self._pool.fetch(
            "SELECT sku, count(*)::int AS orders, sum(quantity)::int AS quantity, sum(total)::bigint AS total"
            " FROM orders GROUP BY sku ORDER BY sku"
        )
        return {row["sku"]: {name: row[name] for name in ("orders", "quantity", "total")} for row in rows}
