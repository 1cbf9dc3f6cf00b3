"""Who may enter next: tenants take turns, and within one whoever came first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turnstile:
    """Lets a number of tasks in at a time.

    Args:
        places: How many.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        #: Who waits, by tenant; the tenant whose turn is next comes first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def entered(self, tenant: str) -> AsyncIterator[None]:
        """Waits for a place, and holds it."""
        await self._enter(tenant)
        try:
            yield
        finally:
            self._free += 1
            self._admit()

    async def _enter(self, tenant: str) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._free and self._waiting:
            tenant, queue = next(iter(self._waiting.items()))
            del self._waiting[tenant]
            turn = queue.popleft()
            if queue:
                self._waiting[tenant] = queue  # at the end again
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
