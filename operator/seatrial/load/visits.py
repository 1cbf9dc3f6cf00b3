"""Load whose requests differ: flows of users, and single requests with templates, expectations and data.

A visit is one turn through a flow; a single request is a flow of one step. What comes next is done right when the
answer comes, so that a visit costs no task; still more than the bare loops of ``arrivals`` and ``users``, which send
what is the same each time.
"""

from abc import abstractmethod
from random import Random
from time import monotonic_ns
from typing import Any, cast

from seatrial.api.cel import EvaluationError
from seatrial.load.arrivals import Arrivals
from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.cookies import Cookies
from seatrial.load.data import drawing
from seatrial.load.draft import Draft
from seatrial.load.flows import compiled
from seatrial.load.kept import KeepingConnection
from seatrial.load.message import Message, RequestError
from seatrial.load.pace import Pace
from seatrial.load.redirect import MOST, RedirectError, destination, onward
from seatrial.load.users import Users
from seatrial.load.visit import Visit
from seatrial.load.weights import sequence

#: Seconds that a user waits after a visit that failed, so that a service that is down costs nobody a core.
_AFTER_FAILURE_SECONDS = 0.05


class Visits(Pace):
    """What visits have in common in both models."""

    connection_type = KeepingConnection

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._share = assignment
        self._flows = compiled(assignment)
        self._order = sequence([flow.weight for flow in assignment.flows])
        self._draw = drawing(list(assignment.data), Random(f"{assignment.run}/{assignment.index}"))  # noqa: S311 - no secret
        self._unanswered: dict[int, Visit] = {}
        self._kept: dict[int, Connection] = {}

    # What connections report.

    def answered(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and goes on with the visit that waits for it."""
        connection.rest()
        self._kept[connection.slot] = connection
        self._heard(cast("KeepingConnection", connection), size, error, first)

    def answered_last(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """The same for the last answer of a connection."""
        self._part(connection)
        self._heard(cast("KeepingConnection", connection), size, error, first)

    def _over(self, connection: Connection, now: int, *, failed: bool) -> None:  # noqa: ARG002 - the visit goes on
        self._tell(connection, well=False)

    def _heard(self, connection: KeepingConnection, size: int, error: str | None, first: int) -> None:
        if self._drafts[connection.message.index].follows:
            try:
                if self._redirected(connection, size):
                    return
            except RedirectError:
                self.tally.answered(
                    connection.message.index, connection.intended, connection.sent, size, "redirect", first
                )
                self._tell(connection, well=False)
                return
        self._tell(connection, well=self._counted(connection, size, error, first))

    def _redirected(self, connection: KeepingConnection, size: int) -> bool:
        """Follows a redirect. Returns whether the answer is one.

        Raises:
            RedirectError: It leads elsewhere, or it is one too many.
        """
        status, headers, _ = connection.answer
        message, intended, since = connection.message, connection.intended, connection.sent
        path = destination(message, status, headers, secure=self._share.tls is not None)
        if path is None:
            return False
        visit = self._unanswered[connection.slot]
        if visit.redirects == MOST:
            raise RedirectError(f"more than {MOST} redirects")
        visit.redirects += 1
        self.tally.received_besides(intended, size)
        for header in connection.cookies:
            visit.cookies.take(header)
        self._transmit(onward(message, status, path, visit.cookies.header), visit.slot, intended, since)
        return True

    def _counted(self, connection: Connection, size: int, error: str | None, first: int) -> bool:
        """Counts an answer. Returns whether it is no error."""
        index = connection.message.index
        if error is not None and self._drafts[index].judges_status:
            error = None
        self.tally.answered(index, connection.intended, connection.sent, size, error, first)
        return error is None

    def _tell(self, connection: Connection, *, well: bool) -> None:
        visit = self._unanswered.pop(connection.slot)
        if well and self._judged(visit, cast("KeepingConnection", connection)):
            self._pause(visit)
        else:
            self._left(visit, well=False)

    # The way of a visit.

    def _prepared(self, assignment: Assignment) -> list[Message]:  # noqa: ARG002 - messages are made when they are sent
        return []

    @property
    def _drafts(self) -> list[Draft]:
        return self._flows.drafts

    def _number(self, count: int) -> int:
        """The number of this worker's visit over all workers."""
        return self._share.index + count * self._share.workers

    def _visit(self, slot: int, number: int, user: int, cookies: Cookies, intended: int) -> None:
        """Begins a turn through a flow; ``_left`` is called at its end."""
        values: dict[str, Any] = {
            "run.id": self._share.run,
            "worker": self._share.index,
            "user": user,
            "iteration": number,
            **self._draw(number),
        }
        steps = self._flows.steps[self._order[number % len(self._order)]]
        visit = Visit(slot, steps, values, cookies)
        if intended >= self.tally.measured_from:
            self.tally.flows += 1
            visit.measured = True
        self._request(visit, intended)

    def _request(self, visit: Visit, intended: int) -> None:
        draft, slot = visit.steps[visit.place], visit.slot
        try:
            message = draft.message(visit.values, visit.cookies.header)
        except (EvaluationError, RequestError):
            self.tally.failed(draft.index, intended, "template")
            self._left(visit, well=False)
            return
        self._unanswered[slot] = visit
        visit.redirects = 0
        self._transmit(message, slot, intended)

    def _transmit(self, message: Message, slot: int, intended: int, since: int = 0) -> None:
        """Sends a request; one that another one was redirected to has the time that remains of that one's."""
        now = since or monotonic_ns()
        self.tally.sent_besides(intended, len(message.wire))
        connection = self._kept.pop(slot, None)
        if connection is not None and not connection.lost:
            connection.slot = slot
            connection.since = since
            connection.send(message, intended, now)
        else:
            self._open(message, intended, now, slot=slot, since=since)

    def _judged(self, visit: Visit, connection: KeepingConnection) -> bool:
        """Takes in an answer. Returns whether it is as expected."""
        for header in connection.cookies:
            visit.cookies.take(header)
        draft, intended = visit.steps[visit.place], connection.intended
        if not draft.reads_answer:
            return True
        checks, wrong, captured = draft.judge(visit.values, *connection.answer, connection.took)
        self.tally.checked(draft.index, intended, checks, wrong)
        if wrong:
            return False
        if captured is None:
            self.tally.wrong(draft.index, intended, "capture")
            return False
        visit.values |= captured
        return True

    def _pause(self, visit: Visit) -> None:
        think = visit.steps[visit.place].think
        visit.place += 1
        if think:
            # Timers may ring a millisecond early, and a pause that the end cuts off must end after it.
            rest = max(self.cut - monotonic_ns(), 0) / 1e9 + 0.002
            self._loop.call_later(min(think, rest), self._go_on, visit)
        else:
            self._go_on(visit)

    def _go_on(self, visit: Visit) -> None:
        now = monotonic_ns()
        # When the load is over, what is left of the flow would only prolong it.
        if visit.place < len(visit.steps):
            if now < self.cut:
                self._request(visit, now)
                return
            self.tally.flows_cut += visit.measured
        self._left(visit, well=True)

    @abstractmethod
    def _left(self, visit: Visit, *, well: bool) -> None:
        """Goes on after a visit: at its end, or after the first request that failed."""


class ArrivingVisits(Visits, Arrivals):
    """The open model: visits begin on a schedule. Each is a new user; connections are used again."""

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._resting: list[Connection] = []
        self._last_slot = 0

    def _arrive(self, intended: int, now: int) -> None:
        if self._in_flight >= self._limit:
            self.tally.drop(intended)
            return
        if intended >= self.tally.measured_from:
            self.tally.lagged(now - intended)
        self._in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self._in_flight)
        self._last_slot += 1
        while self._resting:
            connection = self._resting.pop()
            if not connection.lost:
                self._kept[self._last_slot] = connection
                break
        number = self._number(self._arrived)
        self._visit(self._last_slot, number, number, Cookies(), intended)

    def _left(self, visit: Visit, *, well: bool) -> None:  # noqa: ARG002 - the schedule goes on
        self._in_flight -= 1
        if (connection := self._kept.pop(visit.slot, None)) is not None:
            self._resting.append(connection)


class UsersVisits(Visits, Users):
    """The closed model: users who go through one flow after another, each with cookies and a connection of its own."""

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._visits = 0

    @property
    def in_flight(self) -> int:
        """Users whose request is unanswered."""
        return len(self._unanswered)

    def _enter(self, slot: int) -> None:
        self._stay(slot, Cookies())

    def _left(self, visit: Visit, *, well: bool) -> None:
        if well:
            self._stay(visit.slot, visit.cookies)
        else:
            self._loop.call_later(_AFTER_FAILURE_SECONDS, self._stay, visit.slot, visit.cookies)

    def _stay(self, slot: int, cookies: Cookies) -> None:
        now = monotonic_ns()
        if now < self.end and slot < self._wanted:
            number = self._number(self._visits)
            self._visits += 1
            if self._quota:
                self._begin(now)
            self._visit(slot, number, self._number(slot), cookies, now)
            return
        self._leave(slot)
        # Whoever comes in its place is another user.
        if (connection := self._kept.pop(slot, None)) is not None:
            connection.abort()
            self._forget(connection)
