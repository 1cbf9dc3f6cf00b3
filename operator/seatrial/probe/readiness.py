"""Readiness probes: is a service answering through its Service, and has it done so often enough in a row?"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from tenacity import AsyncRetrying, retry_if_result, wait_exponential, wait_random

from seatrial.api.environment import Readiness
from seatrial.probe.address import Address
from seatrial.probe.exchange import ExchangeFailed, Exchanger, Request

#: Seconds for one probe.
PROBE_TIMEOUT = 5.0
#: Shortest pause between two probes, in seconds, whatever the service says.
LEAST_PAUSE = 0.05


async def keep_probing(
    exchanger: Exchanger, address: Address, ready: Readiness, report: Callable[[int, str], None]
) -> None:
    """Probes until the service has succeeded as often in a row as it must.

    The pause between probes grows from 50 ms to the interval, with jitter, so that a quick service is found quickly
    and a slow one is not pestered.

    Args:
        exchanger: Sends HTTP probes.
        address: The Service's port.
        ready: What to probe and how often it must succeed.
        report: Told after each probe: successes in a row, and what the failure was.
    """
    successes = 0

    async def probe() -> bool:
        nonlocal successes
        failure = await _probe(exchanger, address, ready)
        successes = 0 if failure else successes + 1
        report(successes, failure)
        return successes < ready.success_threshold

    longest = max(ready.interval.total_seconds(), LEAST_PAUSE)
    retrying: AsyncRetrying = AsyncRetrying(
        wait=wait_exponential(multiplier=LEAST_PAUSE, max=longest) + wait_random(max=0.05),
        retry=retry_if_result(bool),
    )
    await retrying(probe)


async def _probe(exchanger: Exchanger, address: Address, ready: Readiness) -> str:
    """Probes once. Returns what went wrong, or nothing."""
    if ready.http:
        request = Request("GET", ready.http.path, {}, b"", PROBE_TIMEOUT)
        try:
            answer = await exchanger.exchange(address, request)
        except ExchangeFailed as error:
            return str(error)
        return "" if 200 <= answer.status < 400 else f"GET {ready.http.path} answered {answer.status}"
    return await _connect(address)


async def _connect(address: Address) -> str:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            _, writer = await asyncio.open_connection(address.ip, address.port)
    except TimeoutError:
        return f"no connection within {PROBE_TIMEOUT:g}s"
    except OSError as error:
        return f"no connection: {os.strerror(error.errno) if error.errno else error}"
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""
