"""All of a request that comes before its body, put together once for many requests (HTTP/1.1, RFC 9112)."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

Values = Mapping[str, Any]
#: A text, or what makes one of the values of variables.
Text = str | Callable[[Values], str]

#: Headers by which a message is delimited: ours to set, or the server would wait for what never comes.
_FRAMING = frozenset({"content-length", "transfer-encoding"})
#: Everything that a request target may hold beside letters and digits (RFC 3986), and % of what is encoded already.
_TARGET_CHARACTERS = "/?:@!$&'()*+,;=-._~%"
_TARGET = re.compile(rf"[A-Za-z0-9{re.escape(_TARGET_CHARACTERS)}]*")
_FORBIDDEN_IN_VALUES = re.compile(r"[\r\n\0]")
_NO_VALUES: Values = {}


class RequestError(ValueError):
    """A request that cannot be sent; the message says which and why."""


class Envelope:
    """What requests of one kind have in common: method, host, headers.

    Args:
        method: HTTP method.
        given: Headers, by name; they go before those that follow from the body.
        content_type: Type of the body, unless a header says it; empty for none.
        host: Value of the Host header, unless a header says it.
        lasting: Whether the connection may be used again, unless a header says it.

    Raises:
        RequestError: A header cannot be sent.
    """

    def __init__(
        self,
        method: str,
        given: Iterable[tuple[str, Text]],
        content_type: str,
        *,
        host: str,
        lasting: bool = True,
    ) -> None:
        headers: dict[str, tuple[str, Text]] = {"host": ("Host", host), "user-agent": ("User-Agent", "seatrial")}
        if not lasting:
            headers["connection"] = ("Connection", "close")
        if content_type:
            headers["content-type"] = ("Content-Type", content_type)
        for title, value in given:
            name = title.lower()
            if name in _FRAMING:
                raise RequestError(f"headers: {title} is set by Seatrial from the body: remove the header")
            headers[name] = (title, value)
        self._method = method
        self._sized = method in {"POST", "PUT", "PATCH"}
        self._headers = _merged(headers.values())
        # Cookies that the server has set take the place of a header of the user's.
        self._without_cookie = _merged(header for name, header in headers.items() if name != "cookie")

    @property
    def fixed(self) -> bool:
        """Whether all headers are the same each time."""
        return len(self._headers) == 1 and isinstance(self._headers[0], str)

    def seal(self, path: str, body: bytes, values: Values = _NO_VALUES, cookies: str = "") -> bytes:
        """Makes a request.

        Args:
            path: Path and query. What a target may not hold is percent-encoded.
            body: Body, which may be empty.
            values: Values of the variables in headers.
            cookies: Value of the Cookie header; empty for none of its own.

        Raises:
            EvaluationError: An expression in a header has no value.
            RequestError: A header cannot be sent.
        """
        if _TARGET.fullmatch(path) is None:
            path = quote(path.partition("#")[0], safe=_TARGET_CHARACTERS)
        parts = self._without_cookie if cookies else self._headers
        lines = [part if isinstance(part, str) else part(values) for part in parts]
        if cookies:
            lines.append(_line("Cookie", cookies))
        if self._sized or body:
            lines.append(f"Content-Length: {len(body)}\r\n")
        return f"{self._method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


def _merged(headers: Iterable[tuple[str, Text]]) -> list[Text]:
    """Makes lines of headers, as few parts as there can be."""
    parts: list[Text] = []
    for title, value in headers:
        if not isinstance(value, str):
            parts.append(_filling(title, value))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += _line(title, value)
        else:
            parts.append(_line(title, value))
    return parts


def _filling(title: str, fill: Callable[[Values], str]) -> Text:
    return lambda values: _line(title, fill(values))


def _line(title: str, value: str) -> str:
    if _FORBIDDEN_IN_VALUES.search(value):
        raise RequestError(f"headers: the value of {title} has a line break: remove it")
    return f"{title}: {value}\r\n"
