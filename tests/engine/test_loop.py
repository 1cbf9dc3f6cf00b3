import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.engine import loop as module
from seatrial.engine.key import Key
from seatrial.engine.loop import Loop
from seatrial.kube.errors import ApiError, Unreachable

pytestmark = pytest.mark.anyio

A = Key("TestScenario", "shop", "a")
B = Key("TestScenario", "shop", "b")


async def settled(loop: Loop) -> None:
    while tasks := loop.running():
        await asyncio.wait(tasks)


class Turns:
    """Turns that end when a test lets them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.returns: Callable[[Key], datetime | None] = lambda key: None

    async def __call__(self, key: Key) -> datetime | None:
        self.log.append(f"begin {key.name}")
        await self.gate.wait()
        self.log.append(f"end {key.name}")
        return self.returns(key)


async def test_a_key_has_one_turn_at_a_time_and_wake_ups_meanwhile_coalesce() -> None:
    turns = Turns()
    loop = Loop(turns)
    turns.gate.clear()
    loop.wake(A)
    await asyncio.sleep(0)
    for _ in range(10):
        loop.wake(A)
    loop.wake(B)
    await asyncio.sleep(0)
    assert turns.log == ["begin a", "begin b"]
    turns.gate.set()
    await settled(loop)
    assert sorted(turns.log) == sorted(["begin a", "end a"] * 2 + ["begin b", "end b"])
    a = [entry for entry in turns.log if entry.endswith(" a")]
    assert a == ["begin a", "end a"] * 2
    assert loop._slots == {}
    await loop.close()


async def test_a_turn_says_when_it_wants_the_next_one() -> None:
    turns = Turns()
    wanted = [datetime.now(UTC) + timedelta(seconds=0.02), datetime.now(UTC) - timedelta(days=1), None]
    turns.returns = lambda key: wanted.pop(0)
    loop = Loop(turns)
    loop.wake(A)
    while len(turns.log) < 6:
        await asyncio.sleep(0.005)
    await settled(loop)
    assert loop.turns == 3
    assert loop._slots == {}


async def test_the_earlier_of_two_delays_counts() -> None:
    turns = Turns()
    loop = Loop(turns)
    loop.wake(A, 0.02)
    loop.wake(A, 60)
    loop.wake(B, 60)
    loop.wake(B, 0.02)
    now = asyncio.get_running_loop().time()
    for key in (A, B):
        timer = loop._slots[key].timer
        assert timer is not None
        assert timer.when() < now + 1
    loop.wake(A)  # and now is earlier than any
    await settled(loop)
    assert turns.log == ["begin a", "end a"]
    await loop.close()


async def test_a_delay_during_a_turn_is_kept() -> None:
    turns = Turns()
    loop = Loop(turns)
    turns.gate.clear()
    loop.wake(A)
    await asyncio.sleep(0)
    loop.wake(A, 0.001)
    await asyncio.sleep(0.02)
    turns.gate.set()
    await settled(loop)
    assert turns.log.count("begin a") == 2


async def test_failures_back_off_twice_as_long_each_time_and_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = True

    async def turn(key: Key) -> None:
        if fails:
            raise Unreachable("no answer")

    loop = Loop(turn)
    clock = asyncio.get_running_loop()

    async def delay() -> float:
        slot = loop._slots[A]
        slot.not_before = 0.0  # as if the time were over
        loop._cancel_timer(slot)
        loop.wake(A)
        await settled(loop)
        return slot.timer.when() - clock.time() if slot.timer else 0.0

    loop.wake(A)
    await settled(loop)
    delays = [await delay() for _ in range(12)]
    assert delays == [pytest.approx(min(0.2 * 2**n, 60.0), abs=0.19) for n in range(1, 13)]
    fails = False
    assert await delay() == 0.0
    assert loop._slots == {}
    fails = True
    loop.wake(A)
    await settled(loop)
    slot = loop._slots[A]
    assert slot.timer is not None
    assert slot.timer.when() - clock.time() < 0.2
    await loop.close()


async def test_events_do_not_defeat_the_backing_off() -> None:
    turns = 0

    async def turn(key: Key) -> None:
        nonlocal turns
        turns += 1
        raise ApiError(429, "TooManyRequests", "slow down", retry_after=0.1)

    loop = Loop(turn)
    clock = asyncio.get_running_loop()
    began = clock.time()
    loop.wake(A, 0.01)  # a deadline, set before it failed
    loop.wake(A)
    await settled(loop)
    loop.wake(A, 0.01)
    while turns == 1:
        loop.wake(A)
        assert clock.time() - began < 10
        await asyncio.sleep(0.002)
    assert clock.time() - began >= 0.1
    await loop.close()


async def test_a_deadline_that_falls_while_backing_off_waits_too() -> None:
    times: list[float] = []
    clock = asyncio.get_running_loop()

    async def turn(key: Key) -> None:
        times.append(clock.time())
        raise ApiError(503, "", "later", retry_after=0.3)

    gate = asyncio.Event()

    async def gated(key: Key) -> None:
        await gate.wait()
        await turn(key)

    loop = Loop(gated)
    loop.wake(A)
    await asyncio.sleep(0)
    loop.wake(A, 0.05)  # falls after the failure and before the retry
    gate.set()
    await settled(loop)
    while len(times) < 2:
        await asyncio.sleep(0.01)
    assert times[1] - times[0] >= 0.3
    await loop.close()


async def test_a_bug_is_logged_with_its_traceback_and_stops_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    seen = []

    async def turn(key: Key) -> None:
        seen.append(key)
        if key == A:
            raise ZeroDivisionError

    loop = Loop(turn)
    loop.wake(A)
    loop.wake(B)
    await settled(loop)
    assert seen == [A, B]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError
    assert "a bug in Seatrial" in record.getMessage()
    assert loop._slots[A].timer is not None  # it is tried again
    await loop.close()
    assert loop._slots[A].timer is None


async def test_a_refusal_is_logged_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def turn(key: Key) -> None:
        raise ApiError(403, "Forbidden", "no")

    loop = Loop(turn)
    loop.wake(A)
    await settled(loop)
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    await loop.close()


async def test_closing_waits_for_turns_and_for_what_they_were_asked_meanwhile() -> None:
    turns = Turns()
    loop = Loop(turns)
    turns.gate.clear()
    loop.wake(A)
    loop.wake(B, 60)
    await asyncio.sleep(0)
    loop.wake(A)  # an outcome came, which a turn must store
    closing = asyncio.create_task(loop.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    turns.gate.set()
    await closing
    assert turns.log == ["begin a", "end a"] * 2
    loop.wake(A)
    loop.wake(B)
    await asyncio.sleep(0.01)
    assert len(turns.log) == 4


async def test_closing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.01)
    turns = Turns()
    turns.gate.clear()
    loop = Loop(turns)
    loop.wake(A)
    await asyncio.sleep(0)
    await loop.close()
    turns.gate.set()
    await settled(loop)


def test_a_key_is_written_as_the_annotation_has_it() -> None:
    assert Key.parse(str(A)) == A
    assert Key.parse("whatever") is None
    assert Key.parse("") is None
    assert Key.parse("a/b/c/d") is None
