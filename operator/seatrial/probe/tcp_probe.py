"""The TCP probe: a connection that is accepted, and closed at once."""

import asyncio
import os
from contextlib import suppress

from seatrial.probe.address import Address


async def probe_tcp(address: Address, timeout: float) -> str:
    """Probes once.

    Args:
        address: The Service's port.
        timeout: Seconds in which the connection must be accepted.

    Returns:
        What was wrong; empty if nothing was.
    """
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(address.ip, address.port)
    except TimeoutError:
        return f"no connection within {timeout:g}s"
    except OSError as error:
        return f"no connection: {os.strerror(error.errno) if error.errno else error}"
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""
