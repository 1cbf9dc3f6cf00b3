"""Turns: one task a key at a time, wake-ups in between coalesce, deadlines are timers, failures back off."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from seatrial.engine.key import Key
from seatrial.kube.errors import ApiError, KubeError

logger = logging.getLogger(__name__)

#: Seconds before the second try of a failed turn; each further one waits twice as long, up to the longest.
FIRST_RETRY = 0.2
LONGEST_RETRY = 60.0
#: Seconds that turns under way are given to end.
CLOSE_SECONDS = 10.0

Turn = Callable[[Key], Awaitable[datetime | None]]


@dataclass
class _Slot:
    """What is known of a key.

    Attributes:
        task: Its turn, while one runs.
        again: Whether another turn must follow.
        timer: Its next wake-up.
        failures: Failed turns in a row.
        not_before: Loop time before which it takes no turn, whatever happens: events must not defeat the backing off.
    """

    task: asyncio.Task[None] | None = None
    again: bool = False
    timer: asyncio.TimerHandle | None = None
    failures: int = 0
    not_before: float = 0.0


class Loop:
    """Calls a turn for each key that was woken.

    Args:
        turn: Does one turn and returns when the key wants to be woken if nothing happens before.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._slots: dict[Key, _Slot] = {}
        self._closed = False
        self.turns = 0

    def wake(self, key: Key, delay: float = 0.0) -> None:
        """Has the key take a turn, at once or within a delay of some seconds; an earlier wake-up stays."""
        if self._closed:
            return
        slot = self._slots.setdefault(key, _Slot())
        delay = max(delay, slot.not_before - asyncio.get_running_loop().time())
        if delay > 0:
            self._set_timer(key, slot, delay)
        elif slot.task is not None:
            slot.again = True
        else:
            self._cancel_timer(slot)
            slot.task = asyncio.create_task(self._run(key, slot), name=f"turn {key}")

    def running(self) -> set[asyncio.Task[None]]:
        """The turns under way."""
        return {slot.task for slot in self._slots.values() if slot.task}

    async def close(self) -> None:
        """Lets the turns that are running, and those that were asked for meanwhile, end; starts no more."""
        self._closed = True
        for slot in self._slots.values():
            self._cancel_timer(slot)
        if running := self.running():
            await asyncio.wait(running, timeout=CLOSE_SECONDS)

    async def _run(self, key: Key, slot: _Slot) -> None:
        wake_in: float | None = None
        try:
            slot.again = True
            while slot.again:
                slot.again = False
                self.turns += 1
                wake_at = await self._turn(key)
                wake_in = None if wake_at is None else max((wake_at - datetime.now(UTC)).total_seconds(), 0.001)
            slot.failures, slot.not_before = 0, 0.0
        except Exception as error:  # noqa: BLE001 - whatever went wrong with one resource must not stop the others
            wake_in = self._failed(key, slot, error)
        finally:
            slot.task = None
        if wake_in is not None:
            self.wake(key, wake_in)
        elif slot.timer is None and not slot.again:
            self._slots.pop(key, None)

    def _failed(self, key: Key, slot: _Slot, error: Exception) -> float:
        """Logs a failure, a bug with its traceback, and says in how many seconds to try again."""
        slot.failures += 1
        delay = min(FIRST_RETRY * 2.0 ** min(slot.failures - 1, 20), LONGEST_RETRY)
        if isinstance(error, ApiError) and error.retry_after:
            delay = max(delay, error.retry_after)
        slot.not_before = asyncio.get_running_loop().time() + delay
        if isinstance(error, KubeError):
            logger.warning("%s: %s; trying again in %.1f s", key, error, delay)
        else:
            logger.error("%s: a bug in Seatrial; trying again in %.1f s", key, delay, exc_info=error)
        return delay

    def _set_timer(self, key: Key, slot: _Slot, delay: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if slot.timer is not None and slot.timer.when() <= due:
            return
        self._cancel_timer(slot)
        slot.timer = loop.call_later(delay, self._expired, key, slot)

    def _expired(self, key: Key, slot: _Slot) -> None:
        slot.timer = None
        self.wake(key)

    @staticmethod
    def _cancel_timer(slot: _Slot) -> None:
        if slot.timer is not None:
            slot.timer.cancel()
            slot.timer = None
