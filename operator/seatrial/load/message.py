"""Requests as the bytes that go over the wire (HTTP/1.1, RFC 9112)."""

import json
import re
from urllib.parse import quote

from seatrial.api.exchange import Exchange

#: Methods whose repetition does no harm (RFC 9110, 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
#: Headers by which a message is delimited: ours to set, or the server would wait for what never comes.
_FRAMING = frozenset({"content-length", "transfer-encoding"})
#: Everything that a request target may hold beside letters and digits (RFC 3986), and % of what is encoded already.
_TARGET_CHARACTERS = "/?:@!$&'()*+,;=-._~%"
_FORBIDDEN_IN_VALUES = re.compile(r"[\r\n\0]")


class RequestError(ValueError):
    """A request that cannot be sent; the message says which and why."""


class Message:
    """A request, rendered once and sent often.

    Attributes:
        index: Place of the request in the spec.
        wire: What is sent.
        head: Whether it is a HEAD, whose answer has no body whatever its headers say.
        idempotent: Whether it may be sent again when it is unknown whether the server acted on it.
        known: Header blocks of answers to this request that a parser has read before, each with the length of the
            whole answer: servers send the same block again and again, and looking it up costs a tenth of parsing it.
    """

    __slots__ = ("head", "idempotent", "index", "known", "wire")

    def __init__(self, index: int, wire: bytes, *, head: bool, idempotent: bool) -> None:
        self.index = index
        self.wire = wire
        self.head = head
        self.idempotent = idempotent
        self.known: dict[bytes, int] = {}


def render(request: Exchange, index: int, host: str) -> Message:
    """Renders a request.

    Args:
        request: What to send.
        index: Its place in the spec.
        host: Value of the Host header, unless the request has its own.

    Raises:
        RequestError: A header cannot be sent.
    """
    body, content_type = _body(request)
    headers = [(header.name, header.value) for header in request.headers]
    try:
        return wire(request.method, request.path, headers, body, content_type, index=index, host=host)
    except RequestError as error:
        raise RequestError(f"requests[{index}].{error}") from error


def wire(
    method: str,
    path: str,
    given: list[tuple[str, str]],
    body: bytes,
    content_type: str,
    *,
    index: int,
    host: str,
) -> Message:
    """Makes a request out of its parts.

    Args:
        method: HTTP method.
        path: Path and query.
        given: Headers, by name; they go before those that follow from the body.
        body: Body, which may be empty.
        content_type: Its type, unless a header says it.
        index: Place of the request in the spec.
        host: Value of the Host header, unless a header says it.

    Raises:
        RequestError: A header cannot be sent.
    """
    headers = {"host": ("Host", host), "user-agent": ("User-Agent", "seatrial")}
    if content_type:
        headers["content-type"] = ("Content-Type", content_type)
    for title, value in given:
        name = title.lower()
        if name in _FRAMING:
            raise RequestError(f"headers: {title} is set by Seatrial from the body: remove the header")
        if _FORBIDDEN_IN_VALUES.search(value):
            raise RequestError(f"headers: the value of {title} has a line break: remove it")
        headers[name] = (title, value)
    if body or method in {"POST", "PUT", "PATCH"}:
        headers["content-length"] = ("Content-Length", str(len(body)))
    lines = [f"{method} {quote(path.partition('#')[0], safe=_TARGET_CHARACTERS)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.values()]
    return Message(
        index,
        "\r\n".join([*lines, "", ""]).encode() + body,
        head=method == "HEAD",
        idempotent=method in _IDEMPOTENT,
    )


def _body(request: Exchange) -> tuple[bytes, str]:
    if request.json_body is not None:
        return json.dumps(request.json_body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
    if request.text is not None:
        return request.text.encode(), "text/plain; charset=utf-8"
    return b"", ""
