"""Readiness probes: is a service answering through its Service, and has it done so often enough in a row?"""

import asyncio
from collections.abc import Callable

from tenacity import AsyncRetrying, retry_always, retry_if_result, wait_fixed, wait_random

from seatrial.api.readiness import GrpcProbe, HttpProbe, Readiness, TcpProbe
from seatrial.probe.address import Address
from seatrial.probe.exchange import Exchanger
from seatrial.probe.grpc_probe import probe_grpc
from seatrial.probe.http_probe import probe_http
from seatrial.probe.pause import growing
from seatrial.probe.tcp_probe import probe_tcp
from seatrial.sandbox.evaluator import Evaluator

#: How many times as long each pause is as the one before: what has begun to answer is found within a quarter of the
#: time that it took.
PAUSE_GROWTH = 1.25
#: Seconds that the first probe is given; each further one is given twice as long, up to the whole time. Until the node
#: knows the Service, what is sent to it may be lost, and would be waited for in vain.
FIRST_TIMEOUT = 0.5
#: Shortest pause between two probes of a service that is healthy, in seconds: probing is not to be its load.
WATCH_PAUSE = 2.0


async def keep_probing(
    exchanger: Exchanger,
    address: Address,
    ready: Readiness,
    evaluator: Evaluator,
    report: Callable[[int, str], None],
) -> None:
    """Probes until the service has succeeded as often in a row as it must.

    The pause between probes grows from 50 ms to the interval, with jitter, so that a quick service is found quickly
    and a slow one is not pestered.

    Args:
        exchanger: Sends HTTP probes.
        address: The Service's port.
        ready: What to probe and how often it must succeed.
        evaluator: Judges answers.
        report: Told after each probe: successes in a row, and what the failure was.
    """
    successes = tries = 0
    whole = ready.probe_timeout.total_seconds()

    async def probe() -> bool:
        nonlocal successes, tries
        failure = await probe_once(
            exchanger, address, ready, min(FIRST_TIMEOUT * 2.0 ** min(tries, 10), whole), evaluator
        )
        tries += 1
        successes = 0 if failure else successes + 1
        report(successes, failure)
        return successes < ready.success_threshold

    retrying: AsyncRetrying = AsyncRetrying(
        wait=growing(ready.interval, PAUSE_GROWTH),
        retry=retry_if_result(bool),
    )
    await retrying(probe)


async def keep_watching(
    exchanger: Exchanger,
    address: Address,
    ready: Readiness,
    evaluator: Evaluator,
    report: Callable[[int, int, str], None],
) -> None:
    """Probes a service that has become healthy for as long as it is wanted, every interval, but at most every 2 s.

    Args:
        exchanger: Sends HTTP probes.
        address: The Service's port.
        ready: What to probe.
        evaluator: Judges answers.
        report: Told after each probe: successes in a row, failures in a row, and what the last failure was.
    """
    successes = failures = 0
    last = ""

    async def probe() -> None:
        nonlocal successes, failures, last
        failure = await probe_once(exchanger, address, ready, ready.probe_timeout.total_seconds(), evaluator)
        successes, failures = (0, failures + 1) if failure else (successes + 1, 0)
        last = failure or last
        report(successes, failures, last)

    pause = max(ready.interval.total_seconds(), WATCH_PAUSE)
    retrying: AsyncRetrying = AsyncRetrying(
        wait=wait_fixed(pause) + wait_random(max=pause / 10),
        retry=retry_always,
    )
    await asyncio.sleep(pause)  # it has only just been found healthy
    await retrying(probe)


async def probe_once(
    exchanger: Exchanger, address: Address, ready: Readiness, timeout: float, evaluator: Evaluator
) -> str:
    """Probes once, by whichever kind of probe there is, for so many seconds. Returns what went wrong, or nothing."""
    match ready.probe:
        case HttpProbe() as probe:
            return await probe_http(exchanger, address, probe, timeout, evaluator)
        case TcpProbe():
            return await probe_tcp(address, timeout)
        case GrpcProbe() as probe:
            return await probe_grpc(address, probe.service, timeout)
        case None:
            return ""
