"""Repeating until what is expected holds, for effects that take a moment to arrive."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.api.step import Eventually
from seatrial.probe.pause import growing

#: How many times as long each pause is as the one before.
PAUSE_GROWTH = 2.0


async def eventually(how: Eventually | None, once: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Does something once, or until it has not failed.

    Args:
        how: How long and how often; None for once.
        once: What to do.
    """
    if how is None:
        return await once()
    seconds = how.timeout.total_seconds()
    retrying: AsyncRetrying = AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=growing(how.interval, PAUSE_GROWTH),
        retry=retry_if_result(lambda outcome: outcome.state is StepState.FAILED),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )

    async def again() -> Outcome:
        return await once()  # tenacity awaits only what it can see to be a coroutine function

    outcome: Outcome = await retrying(again)
    if outcome.state is StepState.FAILED:
        return Outcome(outcome.state, outcome.reason, f"not within {seconds:g}s: {outcome.message}")
    return outcome
