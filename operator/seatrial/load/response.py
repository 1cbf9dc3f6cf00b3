"""Reading one HTTP/1.1 response: where it ends, its status, and whether the connection can be used again.

Bodies are counted and discarded. httptools (llhttp) parses; what it cannot know is added here: that the answer to a
HEAD has no body, that a body without a length ends with the connection, and that headers must end some time.
"""

import re

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

#: Bytes that a header block may have, as in nginx, curl and Go's default order of magnitude.
MAX_HEADER = 65_536

_DELIMITED = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection[ \t]*:[^\r]*close", re.IGNORECASE)


class ResponseError(Exception):
    """What came is not an HTTP/1.1 response."""


class Response:
    """One response as it comes in.

    Attributes:
        head: Whether it answers a HEAD; may be set until the first byte is read.
        complete: Whether all of it is here.
        status: Status code, once complete.
        reusable: Whether another request can be sent on the connection, once complete.
        size: Bytes read, headers included.
    """

    __slots__ = ("_body_expected", "_excess", "_header", "_parser", "complete", "head", "reusable", "size", "status")

    def __init__(self, *, head: bool = False) -> None:
        self.head = head
        self._parser = HttpResponseParser(self)
        self.restart()

    def restart(self) -> None:
        """Makes ready for the next response on the same connection; not after a HEAD, whose body llhttp awaits."""
        self._header = b""
        self._body_expected = False
        self._excess = False
        self.complete = False
        self.reusable = False
        self.size = 0
        self.status = 0

    def feed(self, data: bytes) -> None:
        """Reads on.

        Raises:
            ResponseError: Something came that cannot belong to the response, before it was complete or with its end.
        """
        self.size += len(data)
        if not self._body_expected:
            self._header += data[: MAX_HEADER + 1]
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise ResponseError(str(error)) from error
        if self._excess:
            raise ResponseError("more than was asked for")
        if not self._body_expected and not self.complete and len(self._header) > MAX_HEADER:
            raise ResponseError(f"more than {MAX_HEADER} bytes of headers")

    def end(self) -> bool:
        """Says that the connection has been closed in good order; returns whether that completes the response."""
        if self._body_expected and not self.complete and not _DELIMITED.search(self._header):
            self.status = self._parser.get_status_code()
            self.complete = True
            self.reusable = False
        return self.complete

    def repeatable(self, data: bytes) -> bytes | None:
        """Finds out whether another answer that starts with the same header block has the same length.

        Args:
            data: The chunk that was fed, from its first byte.

        Returns:
            The header block, or None if the length of an answer does not follow from it or the chunk is not exactly
            one answer.
        """
        end = data.find(b"\r\n\r\n") + 4
        header = data[:end]
        if not self.reusable or self.size != len(data) or data.startswith(b"HTTP/1.1 1") or not _LENGTH.search(header):
            return None
        return header

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Notices a response that nobody asked for."""
        if self.complete:
            self._excess = True

    def on_headers_complete(self) -> None:
        """Ends the response to a HEAD, and the search for the end of the headers."""
        status = self._parser.get_status_code()
        if status < 200 or self.complete:
            return
        self._body_expected = True
        if self.head:
            self.status = status
            self.complete = True
            self.reusable = self._header.endswith(b"\r\n\r\n") and not _CLOSE.search(self._header)

    def on_message_complete(self) -> None:
        """Ends a response, unless it is an interim one (1xx)."""
        status = self._parser.get_status_code()
        if status < 200 or self.complete:
            return
        self.status = status
        self.complete = True
        self.reusable = bool(self._parser.should_keep_alive())
