"""The closed model: users who each send the next request when the last one has been answered."""

import asyncio
from itertools import cycle
from time import monotonic_ns

from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.pace import Pace

#: A user whose connection fails waits before the next attempt, twice as long each time in a row, so that a service
#: that is down costs neither it nor the generator a core.
_FIRST_WAIT_SECONDS = 0.002
_LONGEST_WAIT_SECONDS = 0.1


#: Users who come in one turn of the loop.
_BATCH = 100


class Users(Pace):
    """Drives the users of one worker. Each is a slot with one connection at a time.

    With stages they come and go: slot by slot from the first on, and back. One who is to go ends its request before.
    """

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        # Each worker starts elsewhere in the cycle, so that short runs over many workers are mixed as well.
        first = assignment.index * len(self._cycle) // assignment.workers
        self._next = cycle(self._cycle[first:] + self._cycle[:first]).__next__
        self._failures: dict[int, int] = {}
        self._count = self.tally.answered
        self._steps = assignment.ramp.users(assignment.index, assignment.workers)
        self._step: tuple[int, int] | None = next(self._steps)
        self._wanted = self._filled = 0
        self._quota = assignment.iterations
        self._all_begun = False
        self._present: set[int] = set()
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Users whose request is unanswered."""
        return len(self._present) - self._waiting

    @property
    def ended(self) -> bool:
        """Whether every user has stopped, and none comes any more."""
        return not self._present and monotonic_ns() >= self.end

    def start(self) -> None:
        """Lets the first users send their first request."""
        self._follow()

    def answered(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and sends the user's next request."""
        now = self._count(connection.message.index, connection.intended, connection.sent, size, error, first)
        slot = connection.slot
        if self._failures:
            self._failures.pop(slot, None)
        if now < self.end and slot < self._wanted:
            if self._quota:
                self._begin(now)
            connection.send(self._next(), now, now)
        else:
            connection.rest()
            self._leave(slot)
            if now < self.end:
                # Whoever comes in its place is another user.
                connection.abort()
                self._forget(connection)

    def stop(self) -> None:
        """Gives up whatever is unanswered and closes all connections."""
        super().stop()
        if self._timer is not None:
            self._timer.cancel()

    def _follow(self) -> None:
        """Lets users come and go as the stages have it by now, and sets a timer for the next."""
        elapsed = monotonic_ns() - self.begin
        while self._step is not None and self._step[0] <= elapsed:
            self._wanted = self._step[1]
            self._step = next(self._steps, None)
        self._fill()
        if self._step is not None:
            self._timer = self._loop.call_later((self._step[0] - elapsed) / 1e9, self._follow)

    def _fill(self) -> None:
        """Lets those come who are to be there, not all in one turn of the loop, which has others to look after."""
        first = min(self._filled, self._wanted)
        self._filled = min(self._wanted, first + _BATCH)
        for slot in range(first, self._filled):
            # One who was to go may still be there, and stays.
            if slot not in self._present:
                self._present.add(slot)
                self._enter(slot)
        self.in_flight_max = max(self.in_flight_max, len(self._present))
        if self._filled < self._wanted:
            self._loop.call_soon(self._fill)

    def _enter(self, slot: int) -> None:
        self._go(slot)

    def _leave(self, slot: int) -> None:
        self._present.discard(slot)
        if self._all_begun and not self._present:
            self.over = min(self.over, monotonic_ns())

    def _begin(self, now: int) -> None:
        """Counts a turn that begins, where their number is limited; nothing begins after the last one."""
        if now >= self.tally.measured_from:
            self._quota -= 1
            if not self._quota:
                self._all_begun = True
                self.end = 0

    def _go(self, slot: int) -> None:
        now = monotonic_ns()
        if now >= self.end or slot >= self._wanted:
            self._leave(slot)
            return
        if self._quota:
            self._begin(now)
        self._open(self._next(), now, now, slot=slot)

    def _over(self, connection: Connection, now: int, *, failed: bool) -> None:  # noqa: ARG002 - the open model's
        slot = connection.slot
        if failed:
            failures = self._failures.get(slot, 0)
            self._failures[slot] = failures + 1
            self._waiting += 1
            wait = min(_FIRST_WAIT_SECONDS * 2 ** min(failures, 16), _LONGEST_WAIT_SECONDS)
            self._loop.call_later(wait, self._resume, slot)
        else:
            self._failures.pop(slot, None)
            self._go(slot)

    def _resume(self, slot: int) -> None:
        self._waiting -= 1
        self._go(slot)
