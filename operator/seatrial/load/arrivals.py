"""The open model: requests start on a schedule, whether or not earlier ones have been answered."""

from time import monotonic_ns

from seatrial.load.alarm import Alarm, alarm
from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.pace import Pace
from seatrial.load.schedule import schedule

#: Arrivals that are sent before the loop may look at sockets again, if the generator has fallen behind.
_BATCH = 64
#: Nanoseconds after the end of the load for which a generator that has fallen behind still sends. It could go on for
#: ever if the rate is more than it can do; the rest counts as dropped.
_LATEST = 1_000_000_000


class Arrivals(Pace):
    """Sends the arrivals of one worker.

    The schedule is computed from the start alone, so nothing that the service does can move it. Latency counts from
    the schedule: an arrival that the generator could only send late, or that had to wait for a connection, carries
    that time (no coordinated omission: G. Tene, "How NOT to Measure Latency", 2013).
    """

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._assignment = assignment
        self._arrived = 0
        self._next_due = schedule(assignment).__next__
        self._due = begin + self._next_due()
        self._quota = assignment.iterations
        self._idle: list[Connection] = []
        self._in_flight = 0
        self._limit = assignment.max_in_flight
        self._alarm: Alarm | None = None

    @property
    def in_flight(self) -> int:
        """Requests that are unanswered."""
        return self._in_flight

    @property
    def ended(self) -> bool:
        """Whether the load is at its end and nothing is unanswered."""
        return self._due >= self.end and self._in_flight == 0 and monotonic_ns() >= self.end

    def start(self) -> None:
        """Sets the alarm for the first arrival."""
        self._alarm = alarm(self._wake)
        self._alarm.at(self._due)

    def answered(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and keeps the connection for a later arrival."""
        self.tally.answered(connection.message.index, connection.intended, connection.sent, size, error, first)
        connection.rest()
        self._idle.append(connection)
        self._in_flight -= 1

    def stop(self) -> None:
        """Gives up whatever is unanswered and closes all connections."""
        super().stop()
        self._in_flight = 0
        if self._alarm is not None:
            self._alarm.close()

    def _wake(self) -> None:
        now = monotonic_ns()
        if now > self.end + _LATEST:
            self._drop_rest()
            return
        last = self._arrived + _BATCH
        due = self._due
        while due <= now and due < self.end and self._arrived < last:
            self._arrive(due, now)
            self._arrived += 1
            if self._quota and due >= self.tally.measured_from:
                self._quota -= 1
                if not self._quota:
                    # As if the next one ended it, so that the time that is measured has the rate that was asked for.
                    self.end = self.over = min(self.end, self.begin + self._next_due())
            due = self._due = self.begin + self._next_due()
            now = monotonic_ns()
        if due < self.end and self._alarm is not None:
            self._alarm.at(due)

    def _drop_rest(self) -> None:
        while self._due < self.end:
            self.tally.drop(self._due)
            self._arrived += 1
            self._due = self.begin + self._next_due()

    def _arrive(self, intended: int, now: int) -> None:
        if self._in_flight >= self._limit:
            self.tally.drop(intended)
            return
        if intended >= self.tally.measured_from:
            self.tally.lagged(now - intended)
        self._in_flight += 1
        if self._in_flight > self.in_flight_max:
            self.in_flight_max = self._in_flight
        # Numbers over all workers, so that together they keep to the weights exactly.
        number = self._assignment.index + self._arrived * self._assignment.workers
        message = self._cycle[number % len(self._cycle)]
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.lost:
                connection.send(message, intended, now)
                return
        self._open(message, intended, now)

    def _over(self, connection: Connection, now: int, *, failed: bool) -> None:  # noqa: ARG002 - the schedule goes on
        self._in_flight -= 1
