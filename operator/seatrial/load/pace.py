"""What the closed and the open model have in common: connections, retries, timeouts and the end."""

import asyncio
from abc import ABC, abstractmethod
from itertools import takewhile
from time import monotonic_ns
from typing import ClassVar

from seatrial.load.assignment import Assignment
from seatrial.load.connection import Connection
from seatrial.load.dialler import DialError, Dialler
from seatrial.load.message import Message, render
from seatrial.load.tally import Tally
from seatrial.load.weights import sequence

#: Nanoseconds for which a server may take its time to close a connection that it was asked to close.
_PARTING = 1_000_000_000


class Pace(ABC):
    """Sends an assignment's requests from ``begin`` to ``end`` and tallies how they end.

    A subclass decides when to send. All times are on the monotonic clock in nanoseconds.

    Attributes:
        tally: What has been counted.
        begin: Start of the warm-up.
        end: End of the load, after which nothing begins. What is unanswered then may still be answered for as long as
            a request may take, or until ``cut``.
        over: End of what is measured: the same, or earlier, when all iterations are done.
        cut: When flows do not go on any more.
        in_flight_max: Greatest number of requests that were unanswered at a time.
    """

    connection_type: ClassVar[type[Connection]] = Connection

    def __init__(self, assignment: Assignment, begin: int) -> None:
        self.begin = begin
        self.end = self.over = begin + assignment.end
        self.cut = begin + assignment.cut
        self.tally = Tally(begin + assignment.warmup, assignment.reported)
        self.in_flight_max = 0
        self.lasting = assignment.lasting
        self._timeout = assignment.timeout
        self._connect_timeout = assignment.connect_timeout or assignment.timeout
        self._graceful = assignment.graceful is not None
        self._cycle = self._prepared(assignment)
        sizes = {message.index: len(message.wire) for message in self._cycle}
        self._sizes = [sizes[index] for index in sorted(sizes)]
        self._dialler = Dialler(assignment)
        self._connections: set[Connection] = set()
        self._parting: dict[Connection, int] = {}
        self._loop = asyncio.get_running_loop()

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """Requests that are unanswered."""

    @property
    def bytes_sent(self) -> int:
        """Bytes of requests after the warm-up, headers included."""
        numbers = [one.requests for one in self.tally.by_request] or [self.tally.requests]
        # Of requests that differ each time there are no sizes here: their bytes are counted one by one.
        followed = sum(number * size for number, size in zip(numbers, self._sizes, strict=False))
        return followed + self.tally.bytes_besides

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether the load is over and nothing is unanswered any more."""

    @abstractmethod
    def start(self) -> None:
        """Starts sending."""

    @abstractmethod
    def _over(self, connection: Connection, now: int, *, failed: bool) -> None:
        """Goes on after a request has ended and its connection is lost."""

    def sweep(self) -> None:
        """Ends the requests that have been unanswered for too long. To be called every few milliseconds."""
        now = monotonic_ns()
        over = self._graceful and now >= self.cut
        for connection in [connection for connection in self._connections if not connection.resting]:
            begun = _begun(connection)
            if begun <= now - self._timeout:
                self._give_up(connection, now, self._timeout, "timeout")
            elif not connection.open and connection.dialled <= now - self._connect_timeout:
                self._give_up(connection, now, connection.dialled - begun + self._connect_timeout, "connectTimeout")
            elif over:
                self._give_up(connection, now, now - begun, "unanswered")
        # They are in the order in which they were left.
        for connection in [one for one, _ in takewhile(lambda item: item[1] <= now - _PARTING, self._parting.items())]:
            del self._parting[connection]
            connection.abort()

    def stop(self) -> None:
        """Gives up whatever is unanswered and closes all connections."""
        self.end = self.cut = 0
        for connection in (*self._connections, *self._parting):
            connection.abort()
        self._connections.clear()
        self._parting.clear()

    # What connections report.

    def connected(self, connection: Connection) -> None:
        """Counts the connection."""
        dialled, connected, sent = connection.dialled, connection.connected, connection.sent
        if connected:
            self.tally.connected(connection.intended, connected - dialled, sent - connected)
        else:
            self.tally.connected(connection.intended, sent - dialled)

    @abstractmethod
    def answered(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and goes on with the connection."""

    def answered_last(self, connection: Connection, size: int, error: str | None, first: int = 0) -> None:
        """Counts the answer and goes on without the connection."""
        self._part(connection)
        now = self.tally.answered(connection.message.index, connection.intended, connection.sent, size, error, first)
        self._over(connection, now, failed=False)

    def failed(self, connection: Connection, kind: str, *, unanswered: bool) -> None:
        """Counts the failure, or sends the request once more on a new connection where that is harmless."""
        self._forget(connection)
        message = connection.message
        if unanswered and message.idempotent:
            # Not more than once: the new connection is a fresh one, on which nothing is tried again.
            self.tally.retries += 1
            self.tally.sent_besides(connection.intended, len(message.wire))
            begun, since = _begun(connection), connection.since
            self._open(message, connection.intended, begun, slot=connection.slot, since=since)
            return
        self.tally.failed(message.index, connection.intended, kind)
        self._unsent(connection)
        self._over(connection, monotonic_ns(), failed=True)

    def gone(self, connection: Connection) -> None:
        """Forgets an idle connection."""
        self._forget(connection)

    # For subclasses.

    def _prepared(self, assignment: Assignment) -> list[Message]:
        """Makes the requests, each as often in a cycle as its weight says."""
        requests = assignment.requests
        host, lasting = assignment.host_header, assignment.lasting
        messages = [render(request, index, host, lasting=lasting) for index, request in enumerate(requests)]
        return [messages[index] for index in sequence([request.weight for request in requests])]

    def _open(self, message: Message, intended: int, started: int, *, slot: int = 0, since: int = 0) -> None:
        """Opens a new connection for a request."""
        connection = self.connection_type(self, message, intended, started=started, slot=slot)
        connection.since = since
        self._connections.add(connection)
        connection.opening = self._loop.create_task(self._connect(connection))

    async def _connect(self, connection: Connection) -> None:
        kind = ""
        try:
            await self._dialler.open(connection)
        except DialError as error:
            kind = error.kind
        finally:
            connection.opening = None
        if kind and not connection.lost:
            connection.lost = True
            self.failed(connection, kind, unanswered=False)

    def _give_up(self, connection: Connection, now: int, given: int, kind: str) -> None:
        """Ends a request that has not been answered in the time it was given."""
        waited = connection.first - connection.sent if connection.first else 0
        index, intended = connection.message.index, connection.intended
        self.tally.timed_out(index, intended, _begun(connection), given, waited, kind)
        self._unsent(connection)
        connection.abort()
        self._forget(connection)
        self._over(connection, now, failed=False)

    def _part(self, connection: Connection) -> None:
        """Has done with a connection and leaves it to the server to close it, for a while.

        Whoever closes a connection first keeps its port for a minute (TIME_WAIT, RFC 9293, section 3.6.1). A client
        that opens hundreds of them a second would run out of ports.
        """
        self._forget(connection)
        self._parting[connection] = monotonic_ns()

    def _unsent(self, connection: Connection) -> None:
        if not connection.open:
            self.tally.sent_besides(connection.intended, -len(connection.message.wire))

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)


def _begun(connection: Connection) -> int:
    """When the time that a request is given began: opening a connection for it counts."""
    return connection.sent if connection.used else connection.started
