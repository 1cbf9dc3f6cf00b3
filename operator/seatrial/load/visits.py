"""Load whose requests differ: flows of users, and single requests with templates, expectations and data.

A visit is one turn through a flow; a single request is a flow of one step. Here each visit is a task, which costs more
than the bare loops of ``arrivals`` and ``users``; so those send what is the same each time.
"""

import asyncio
from random import Random
from time import monotonic_ns
from typing import Any, cast

from seatrial.api.cel import EvaluationError
from seatrial.api.load_scope import request_scope
from seatrial.load.arrivals import Arrivals
from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.cookies import Cookies
from seatrial.load.data import drawing
from seatrial.load.draft import Draft
from seatrial.load.kept import KeepingConnection
from seatrial.load.message import Message, RequestError
from seatrial.load.pace import Pace
from seatrial.load.users import Users
from seatrial.load.weights import sequence

#: Seconds that a user waits after a visit that failed, so that a service that is down costs nobody a core.
_AFTER_FAILURE_SECONDS = 0.05


class Visits(Pace):
    """What visits have in common in both models."""

    connection_type = KeepingConnection

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._share = assignment
        self._flows = _compiled(assignment)
        self._order = sequence([flow.weight for flow in assignment.flows])
        self._draw = drawing(list(assignment.data), Random(f"{assignment.run}/{assignment.index}"))  # noqa: S311 - no secret
        self._waiting_for: dict[int, asyncio.Future[KeepingConnection | None]] = {}
        self._kept: dict[int, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Gives up whatever is unanswered and closes all connections."""
        super().stop()
        for task in self._tasks:
            task.cancel()

    # What connections report.

    def answered(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and hands it to the visit that waits for it."""
        well = self._counted(connection, size, error, first)
        connection.rest()
        self._kept[connection.slot] = connection
        self._tell(connection, well=well)

    def answered_last(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """The same for the last answer of a connection."""
        self._forget(connection)
        self._tell(connection, well=self._counted(connection, size, error, first))

    def _over(self, connection: Connection, now: int, *, failed: bool) -> None:  # noqa: ARG002 - the visit goes on
        self._tell(connection, well=False)

    def _counted(self, connection: Connection, size: int, error: str | None, first: int) -> bool:
        """Counts an answer. Returns whether it is no error."""
        index = connection.message.index
        if error is not None and self._drafts[index].judges_status:
            error = None
        self.tally.answered(index, connection.intended, connection.sent, size, error, first)
        return error is None

    def _tell(self, connection: Connection, *, well: bool) -> None:
        waiting = self._waiting_for.pop(connection.slot, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(cast("KeepingConnection", connection) if well else None)

    # The way of a visit.

    def _prepared(self, assignment: Assignment) -> list[Message]:  # noqa: ARG002 - messages are made when they are sent
        return []

    @property
    def _drafts(self) -> list[Draft]:
        return self._flows.drafts

    def _number(self, count: int) -> int:
        """The number of this worker's visit over all workers."""
        return self._share.index + count * self._share.workers

    async def _visit(self, slot: int, number: int, user: int, cookies: Cookies, intended: int) -> bool:
        """Goes through a flow. Returns whether every request succeeded."""
        if intended >= self.tally.measured_from:
            self.tally.flows += 1
        values: dict[str, Any] = {
            "run.id": self._share.run,
            "worker": self._share.index,
            "user": user,
            "iteration": number,
            **self._draw(number),
        }
        steps = self._flows.steps[self._order[number % len(self._order)]]
        for draft in steps:
            if not await self._exchange(draft, slot, values, cookies, intended):
                return False
            if draft.think:
                # Timers may ring a millisecond early, and a pause that the end cuts off must end after it.
                await asyncio.sleep(min(draft.think, max(self.end - monotonic_ns(), 0) / 1e9 + 0.002))
            intended = monotonic_ns()
            if intended >= self.end:
                return True  # the load is over; what is left of the flow would only prolong it
        return True

    async def _exchange(self, draft: Draft, slot: int, values: dict[str, Any], cookies: Cookies, intended: int) -> bool:
        try:
            message = draft.message(values, cookies.header)
        except (EvaluationError, RequestError):
            self.tally.failed(draft.index, intended, "template")
            return False
        waiting = self._waiting_for[slot] = self._loop.create_future()
        self._send(message, slot, intended)
        connection = await waiting
        if connection is None:
            return False
        for header in connection.cookies:
            cookies.take(header)
        if not draft.reads_answer:
            return True
        status, headers, body = connection.answer
        known = values | draft.answer(status, headers, body, connection.took)
        checks, wrong = draft.checked(known)
        self.tally.checked(draft.index, intended, checks, wrong)
        if wrong:
            return False
        try:
            values |= draft.captured(known)
        except (EvaluationError, RecursionError):
            self.tally.wrong(draft.index, intended, "capture")
            return False
        return True

    def _send(self, message: Message, slot: int, intended: int) -> None:
        now = monotonic_ns()
        self.tally.sent_besides(intended, len(message.wire))
        connection = self._kept.pop(slot, None)
        if connection is not None and not connection.lost:
            connection.slot = slot
            connection.send(message, intended, now)
        else:
            self._open(message, intended, now, slot=slot)

    def _start(self, visit: Any) -> None:
        task = self._loop.create_task(visit)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._loop.call_exception_handler({"message": "a visit failed", "exception": failure})


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
        self._start(self._come(self._last_slot, self._number(self._arrived), intended))

    async def _come(self, slot: int, number: int, intended: int) -> None:
        try:
            await self._visit(slot, number, number, Cookies(), intended)
        finally:
            self._in_flight -= 1
            if (connection := self._kept.pop(slot, None)) is not None:
                self._resting.append(connection)


class UsersVisits(Visits, Users):
    """The closed model: users who go through one flow after another, each with cookies and a connection of its own."""

    def __init__(self, assignment: Assignment, begin: int) -> None:
        super().__init__(assignment, begin)
        self._visits = 0

    @property
    def in_flight(self) -> int:
        """Users whose request is unanswered."""
        return len(self._waiting_for)

    def start(self) -> None:
        """Lets all users begin."""
        self._active = self.in_flight_max = self._users
        for slot in range(self._users):
            self._start(self._stay(slot))

    async def _stay(self, slot: int) -> None:
        cookies = Cookies()
        try:
            while (now := monotonic_ns()) < self.end:
                number = self._number(self._visits)
                self._visits += 1
                if not await self._visit(slot, number, self._number(slot), cookies, now):
                    await asyncio.sleep(_AFTER_FAILURE_SECONDS)
        finally:
            self._active -= 1


class _Flows:
    """The flows of an assignment with their requests compiled."""

    def __init__(self) -> None:
        self.steps: list[list[Draft]] = []
        self.drafts: list[Draft] = []


def _compiled(assignment: Assignment) -> _Flows:
    flows = _Flows()
    for flow in assignment.flows:
        captured: list[str] = []
        steps = []
        for step in flow.steps:
            draft = Draft(
                step,
                len(flows.drafts),
                assignment.host_header,
                request_scope(assignment.data, captured),
                assignment.secrets,
                flow.think_time.total_seconds(),
            )
            flows.drafts.append(draft)
            steps.append(draft)
            captured += step.capture
        flows.steps.append(steps)
    return flows
