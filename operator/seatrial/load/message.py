"""Requests as the bytes that go over the wire (HTTP/1.1, RFC 9112)."""

import json

from seatrial.api.exchange import Exchange
from seatrial.load.envelope import Envelope, RequestError
from seatrial.load.known import Known

__all__ = ["Message", "RequestError", "render"]

#: Methods whose repetition does no harm (RFC 9110, 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class Message:
    """A request, rendered once and sent often.

    Attributes:
        index: Place of the request in the spec.
        wire: What is sent.
        head: Whether it is a HEAD, whose answer has no body whatever its headers say.
        idempotent: Whether it may be sent again when it is unknown whether the server acted on it.
        known: What is known of the answers to it.
    """

    __slots__ = ("head", "idempotent", "index", "known", "wire")

    def __init__(self, index: int, wire: bytes, *, method: str, known: Known | None = None) -> None:
        self.index = index
        self.wire = wire
        self.head = method == "HEAD"
        self.idempotent = method in _IDEMPOTENT
        self.known = Known() if known is None else known


def render(request: Exchange, index: int, host: str, *, lasting: bool = True) -> Message:
    """Renders a request.

    Args:
        request: What to send.
        index: Its place in the spec.
        host: Value of the Host header, unless the request has its own.
        lasting: Whether the connection may be used again.

    Raises:
        RequestError: A header cannot be sent.
    """
    body, content_type = _body(request)
    headers = [(header.name, header.value) for header in request.headers]
    try:
        envelope = Envelope(request.method, headers, content_type, host=host, lasting=lasting)
        wire = envelope.seal(request.path, body)
    except RequestError as error:
        raise RequestError(f"requests[{index}].{error}") from error
    return Message(index, wire, method=request.method)


def _body(request: Exchange) -> tuple[bytes, str]:
    if request.json_body is not None:
        return json.dumps(request.json_body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
    if request.text is not None:
        return request.text.encode(), "text/plain; charset=utf-8"
    return b"", ""
