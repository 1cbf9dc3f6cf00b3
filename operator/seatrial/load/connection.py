"""One HTTP/1.1 connection of the load generator: a request at a time, each answer reported to the driver."""

import asyncio
import ssl
from time import monotonic_ns
from typing import ClassVar, Protocol, cast

from seatrial.load.known import Known
from seatrial.load.message import Message
from seatrial.load.response import Response, ResponseError

_NOTHING_KNOWN = Known()


class Driver(Protocol):
    """Whoever sends requests over connections and hears how they end.

    Attributes:
        lasting: Whether a connection is used for more than one request.
    """

    lasting: bool

    def connected(self, connection: "Connection") -> None:
        """The connection is open and its first request has been sent."""

    def answered(self, connection: "Connection", size: int, error: str | None, first: int = 0) -> None:
        """The request was answered; the connection can take another one.

        Args:
            connection: The connection, still with the request.
            size: Bytes of the answer.
            error: Kind of error that its status means, None if it is none.
            first: When its first byte came, on the monotonic clock in nanoseconds; 0 if all of it comes at once.
        """

    def answered_last(self, connection: "Connection", size: int, error: str | None, first: int = 0) -> None:
        """The request was answered, and the connection is of no more use; if it is still open, it is to be closed."""

    def failed(self, connection: "Connection", kind: str, *, unanswered: bool) -> None:
        """The request failed, and the connection is gone.

        Args:
            connection: The connection, still with the request.
            kind: Kind of error.
            unanswered: The connection had been used before and was closed before a single byte of an answer: most
                likely the server had closed an idle connection just as the request was sent.
        """

    def gone(self, connection: "Connection") -> None:
        """The connection is gone; no request was unanswered."""


class Connection(asyncio.Protocol):
    """One connection, from its making to its loss.

    Attributes:
        message: The request that is unanswered, or the last one.
        resting: Whether it has been answered and there is no other one.
        used: Whether a request has been answered on this connection.
        intended: Its intended start, on the monotonic clock in nanoseconds.
        started: When the first request was handed to a connection.
        sent: When the request was written: later than that, by the time that opening the connection took.
        since: When the request was sent that was redirected to this one; 0 if none was. It counts as ``sent`` then.
        dialled: When opening the connection at the address that answered began.
        connected: When it was open and the TLS handshake began; 0 without TLS.
        first: When the first byte of an answer came that is not complete yet; 0 without one.
        lost: Whether the connection is of no more use.
        opening: The task that opens the connection, as long as it does.
        slot: Whatever the driver needs to know about the connection.
    """

    __slots__ = (
        "_answered",
        "_driver",
        "_ended",
        "_known",
        "_response",
        "_transport",
        "_write",
        "connected",
        "dialled",
        "first",
        "intended",
        "lost",
        "message",
        "opening",
        "resting",
        "sent",
        "since",
        "slot",
        "started",
        "used",
    )

    response_type: ClassVar[type[Response]] = Response

    def __init__(self, driver: Driver, message: Message, intended: int, *, started: int, slot: int) -> None:
        self._driver = driver
        self._answered = driver.answered
        self._known = _NOTHING_KNOWN
        self._response: Response | None = None
        self._transport: asyncio.Transport | None = None
        self._ended = False
        self.message = message
        self.resting = False
        self.used = False
        self.intended = intended
        self.started = self.sent = self.dialled = started
        self.connected = self.first = self.since = 0
        self.lost = False
        self.opening: asyncio.Task[None] | None = None
        self.slot = slot

    @property
    def open(self) -> bool:
        """Whether it was opened, so that its request has been sent."""
        return self._transport is not None

    def send(self, message: Message, intended: int, now: int) -> None:
        """Sends a request on the open connection.

        Args:
            message: The request.
            intended: Its intended start, on the monotonic clock in nanoseconds.
            now: The moment.
        """
        self.message = message
        self.intended = intended
        self.sent = now
        self.resting = False
        self._known = message.known
        self._write(message.wire)

    def rest(self) -> None:
        """Says that there is no request for now: whatever comes is unasked for."""
        self.resting = True
        self._known = _NOTHING_KNOWN

    def abort(self) -> None:
        """Closes the connection at once; the driver hears no more of it."""
        self.lost = True
        if self.opening is not None:
            self.opening.cancel()
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the request for which the connection was opened."""
        self._transport = transport = cast("asyncio.Transport", transport)
        if self.lost:
            transport.abort()
            return
        # With no buffer allowed uvloop writes at once, and not after all other events of the turn.
        transport.set_write_buffer_limits(0)
        self._write = transport.write
        self.sent = monotonic_ns()
        self._known = self.message.known
        self._write(self.message.wire)
        self._driver.connected(self)
        if self.since:
            self.sent = self.since

    def data_received(self, data: bytes) -> None:
        """Reads an answer: by its header block if that is known and the answer whole, else by the parser."""
        known, size = self._known, len(data)
        if (size == known.size and data.startswith(known.header)) or known.recognize(data):
            self.used = True
            self._answered(self, size, None)
        else:
            self._parse(data)

    def eof_received(self) -> None:
        """Takes an idle connection out of use before a request is lost on it; asyncio closes it afterwards.

        With TLS it is called for an end that the server has signed, and not for one that anybody may have made.
        """
        self._ended = True
        if self.resting and not self.lost:
            self.lost = True
            self._driver.gone(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the request, if there is one: with an answer that the closing completes, or in failure."""
        if self.lost:
            return
        self.lost = True
        response = self._response
        if self.resting:
            self._driver.gone(self)
        elif isinstance(exc, ssl.SSLError):
            # A server that wants a certificate, too, says so after the handshake (RFC 8446, section 4.4.2.4).
            self._driver.failed(self, "tls", unanswered=False)
        elif response is None or response.size == 0:
            self._driver.failed(self, "reset", unanswered=self.used)
        elif self._whole(exc, response):
            self._driver.answered_last(self, response.size, _error_of(response.status), self.first)
        else:
            self._driver.failed(self, "reset", unanswered=False)

    def _whole(self, exc: Exception | None, response: Response) -> bool:
        """Whether the loss of the connection completes an answer whose length was not known."""
        return exc is None and self._ended and response.end()

    def _parse(self, data: bytes) -> None:
        if self.lost:
            return
        if self.resting:
            # Unasked for, such as a 408 before the server closes an idle connection.
            self.abort()
            self._driver.gone(self)
            return
        self._known = _NOTHING_KNOWN
        response = self._response
        if response is None:
            response = self._response = self.response_type()
        came = 0
        if response.size == 0:
            response.head = self.message.head
            came = monotonic_ns()
        try:
            response.feed(data)
        except ResponseError:
            self._close()
            self._driver.failed(self, "protocol", unanswered=False)
            return
        if response.complete:
            self._complete(response, data)
        elif came:
            self.first = came

    def _complete(self, response: Response, data: bytes) -> None:
        self.used = True
        message = self.message
        size, error = response.size, _error_of(response.status)
        first, self.first = self.first, 0
        if not (response.reusable and self._driver.lasting):
            self.lost = True
            self._driver.answered_last(self, size, error, first)
            return
        if error is None and (header := response.repeatable(data)) is not None:
            self._remember(message, header, size)
        if message.head:
            self._response = None
        else:
            response.restart()
        self._answered(self, size, error, first)

    def _remember(self, message: Message, header: bytes, size: int) -> None:
        message.known.learn(header, size)

    def _close(self) -> None:
        self.lost = True
        if self._transport is not None:
            self._transport.abort()


def _error_of(status: int) -> str | None:
    return None if status < 400 else "status4xx" if status < 500 else "status5xx"
