"""Where a name leads: resolved by the system, and again while new connections are opened."""

import asyncio
import socket

#: Seconds for which addresses are used before they are asked for again, in the background. Asking for each connection
#: would make the name server part of what is measured.
_FRESH_SECONDS = 1.0


class Addresses:
    """The addresses of a host, each connection starting with the next one so that they spread over all.

    Args:
        host: The name.
        port: The port.
        turn: Where to start: workers that all started alike would meet at the first address.
    """

    def __init__(self, host: str, port: int, turn: int = 0) -> None:
        self._host = host
        self._port = port
        self._turn = turn - 1
        self._found: list[tuple[str, int]] = []
        self._fresh_until = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def candidates(self) -> list[tuple[str, int]]:
        """Returns addresses and ports in the order in which a new connection should try them.

        Raises:
            OSError: The name cannot be resolved.
        """
        if asyncio.get_running_loop().time() >= self._fresh_until:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
                self._asking.add_done_callback(_look_at_result)
            if not self._found:
                await asyncio.shield(self._asking)
        self._turn = (self._turn + 1) % len(self._found)
        return self._found[self._turn :] + self._found[: self._turn]

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            # Name servers shuffle their answers, which would spoil the turns.
            self._found = sorted({(str(address[0]), int(address[1])) for *_, address in answers})
            self._fresh_until = loop.time() + _FRESH_SECONDS
        finally:
            self._asking = None


def _look_at_result(task: asyncio.Task[None]) -> None:
    # A failure in the background leaves the old addresses in use; asyncio wants it to have been seen.
    if not task.cancelled():
        task.exception()
