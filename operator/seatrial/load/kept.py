"""Connections whose answers are read whole, because something in them is asked for."""

from time import monotonic_ns

from seatrial.load.connection import Connection
from seatrial.load.message import Message
from seatrial.load.response import Response

#: Bytes of a body that are kept; expressions see no more of it.
KEPT_BYTES = 1_048_576


class KeptResponse(Response):
    """A response whose headers and body are kept."""

    __slots__ = ("_body", "_headers", "_length", "answer", "cookies")

    def __init__(self, *, head: bool = False) -> None:
        self.answer: tuple[int, dict[str, str], bytes] = (0, {}, b"")
        self.cookies: list[str] = []
        super().__init__(head=head)

    def restart(self) -> None:
        """See Response.restart; the last answer stays to be looked at."""
        super().restart()
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._length = 0

    def take(self) -> None:
        """Makes the answer of what has been read."""
        self.answer = (self.status, self._headers, b"".join(self._body))

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Forgets the headers of an interim response."""
        super().on_message_begin()
        if not self.complete:
            self._headers = {}
            self.cookies = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keeps a header; several of one name are one value, with commas between (RFC 9110, 5.3)."""
        title, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if title == "set-cookie":
            self.cookies.append(text)
        before = self._headers.get(title)
        self._headers[title] = text if before is None else f"{before}, {text}"

    def on_body(self, data: bytes) -> None:
        """Keeps a part of the body."""
        if self._length < KEPT_BYTES:
            self._body.append(data[: KEPT_BYTES - self._length])
            self._length += len(data)


class KeepingConnection(Connection):
    """A connection that keeps every answer.

    Attributes:
        answer: Status, headers and body of the last answer.
        cookies: Its Set-Cookie headers.
        took: Nanoseconds from the send to its last byte.
    """

    __slots__ = ("answer", "cookies", "took")

    answer: tuple[int, dict[str, str], bytes]
    cookies: list[str]
    took: int
    response_type = KeptResponse

    def data_received(self, data: bytes) -> None:
        """Reads an answer, as any connection does; what was in a known header block need not be read again."""
        known, size = self._known, len(data)
        if (size == known.size and data.startswith(known.header)) or known.recognize(data):
            self.took = monotonic_ns() - self.sent
            self.used = True
            status, headers, self.cookies = known.head
            begin = len(known.header)
            self.answer = (status, headers, data[begin : begin + KEPT_BYTES])
            self._answered(self, size, None)
        else:
            self._parse(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the request, perhaps with an answer that the closing completes."""
        response = self._response
        if isinstance(response, KeptResponse) and not self.lost and response.size and self._whole(exc, response):
            self._keep(response)
        super().connection_lost(exc)

    def _complete(self, response: Response, data: bytes) -> None:
        self._keep(response)
        super()._complete(response, data)

    def _remember(self, message: Message, header: bytes, size: int) -> None:
        status, headers, _ = self.answer
        message.known.learn(header, size, (status, headers, self.cookies))

    def _keep(self, response: Response) -> None:
        assert isinstance(response, KeptResponse)  # noqa: S101 - it is what response_type says
        response.take()
        self.answer, self.cookies, self.took = response.answer, response.cookies, monotonic_ns() - self.sent
