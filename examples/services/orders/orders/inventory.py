"""The inventory service, as the orders service sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import quote

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=5.0, connect=2.0)


class InsufficientStock(Exception):
    """There is less of a SKU than an order asks for."""


class InventoryUnavailable(Exception):
    """The inventory service does not answer, or not as agreed."""


class Inventory:
    """The stock that the inventory service keeps."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def connect(cls, inventory_url: str) -> AsyncIterator[Self]:
        """Hold connections to the inventory service; none is opened before it is needed."""
        async with aiohttp.ClientSession(inventory_url, timeout=TIMEOUT) as session:
            yield cls(session)

    async def reserve(self, sku: str, *, order: str, quantity: int) -> None:
        """Hold a quantity of a SKU for an order.

        Raises:
            InsufficientStock: There is not enough.
            InventoryUnavailable: Whether it is held is not known.
        """
        path, body = f"/stock/{quote(sku, safe='')}/reservations", {"order": order, "quantity": quantity}
        status = await self._send("POST", path, body)
        if status == 409:
            raise InsufficientStock(f"{sku}: fewer than {quantity} available")
        if status != 201:
            raise InventoryUnavailable(f"inventory answered {status} to a reservation")

    async def set_available(self, sku: str, available: int) -> None:
        """Set what is available of a SKU.

        Raises:
            InventoryUnavailable: It could not be set.
        """
        status = await self._send("PUT", f"/stock/{quote(sku, safe='')}", {"available": available})
        if status != 200:
            raise InventoryUnavailable(f"inventory answered {status} to setting the stock of {sku}")

    async def _send(self, method: str, path: str, body: dict[str, object]) -> int:
        try:
            async with self._session.request(method, path, json=body) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise InventoryUnavailable(f"inventory does not answer: {str(error) or 'timed out'}") from error
