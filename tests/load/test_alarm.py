import asyncio
from collections.abc import Callable
from time import monotonic_ns

import pytest
import uvloop

from seatrial.load.alarm import Alarm, _LoopTimer, _TimerFd, alarm

KINDS: list[Callable[[Callable[[], None]], Alarm]] = [_TimerFd, _LoopTimer, alarm]


def rings(kind: Callable[[Callable[[], None]], Alarm], plan: Callable[[Alarm], None], seconds: float) -> list[int]:
    times: list[int] = []

    async def wait() -> None:
        made = kind(lambda: times.append(monotonic_ns()))
        plan(made)
        await asyncio.sleep(seconds)
        made.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(wait())
    return times


@pytest.mark.parametrize("kind", KINDS)
def test_it_rings_once_and_not_too_early(kind: Callable[[Callable[[], None]], Alarm]) -> None:
    moment = monotonic_ns() + 100_000_000
    (rung,) = rings(kind, lambda alarm: alarm.at(moment), 0.3)
    assert rung >= moment - 1_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_moment_that_has_passed_rings_at_once(kind: Callable[[Callable[[], None]], Alarm]) -> None:
    assert len(rings(kind, lambda alarm: alarm.at(0), 0.1)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_moment_set_counts(kind: Callable[[Callable[[], None]], Alarm]) -> None:
    def plan(alarm: Alarm) -> None:
        alarm.at(monotonic_ns() + 3_600_000_000_000)
        alarm.at(monotonic_ns() + 20_000_000)

    assert len(rings(kind, plan, 0.2)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_never_set_it_never_rings(kind: Callable[[Callable[[], None]], Alarm]) -> None:
    assert rings(kind, lambda _: None, 0.05) == []
