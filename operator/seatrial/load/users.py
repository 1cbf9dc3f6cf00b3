"""The closed model: users who each send the next request when the last one has been answered."""

from itertools import cycle
from time import monotonic_ns

from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.pace import Pace

#: A user whose connection fails waits before the next attempt, twice as long each time in a row, so that a service
#: that is down costs neither it nor the generator a core.
_FIRST_WAIT_SECONDS = 0.002
_LONGEST_WAIT_SECONDS = 0.1


class Users(Pace):
    """Drives the users of one worker. Each is a slot with one connection at a time."""

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._users = assignment.users
        # Each worker starts elsewhere in the cycle, so that short runs over many workers are mixed as well.
        first = assignment.index * len(self._cycle) // assignment.workers
        self._next = cycle(self._cycle[first:] + self._cycle[:first]).__next__
        self._failures: dict[int, int] = {}
        self._count = self.tally.answered
        self._active = 0
        self._waiting = 0

    @property
    def in_flight(self) -> int:
        """Users whose request is unanswered."""
        return self._active - self._waiting

    @property
    def ended(self) -> bool:
        """Whether every user has stopped."""
        return self._active == 0

    def start(self) -> None:
        """Lets all users send their first request."""
        self._active = self.in_flight_max = self._users
        for slot in range(self._users):
            self._go(slot)

    def answered(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and sends the user's next request."""
        now = self._count(connection.message.index, connection.intended, connection.sent, size, error, first)
        if self._failures:
            self._failures.pop(connection.slot, None)
        if now < self.end:
            connection.send(self._next(), now, now)
        else:
            connection.rest()
            self._active -= 1

    def _go(self, slot: int) -> None:
        now = monotonic_ns()
        if now >= self.end:
            self._active -= 1
            return
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
