"""Following redirects: to other paths of the same service, and never anywhere else."""

from collections.abc import Mapping
from urllib.parse import quote, urljoin, urlsplit

from seatrial.load.message import Message

#: Redirects that are followed for one request, as many as checks of scenarios follow.
MOST = 5

_STATUSES = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
#: Characters of a path and of a query that stay as they are (RFC 3986, sections 3.3 and 3.4).
_PATH = "/%:@!$&'()*+,;=~"
_QUERY = f"{_PATH}?"


class RedirectError(ValueError):
    """A redirect that is not followed."""


def destination(message: Message, status: int, headers: Mapping[str, str], *, secure: bool) -> str | None:
    """Finds out where an answer redirects to.

    Args:
        message: The request.
        status: Status of the answer.
        headers: Its headers, by name in small letters.
        secure: Whether the service is asked with TLS.

    Returns:
        Path and query; None if it is no redirect.

    Raises:
        RedirectError: It leads to another host, port or scheme, or to no address at all.
    """
    location = headers.get("location")
    if status not in _STATUSES or not location:
        return None
    method, path, host = _asked(message)
    scheme = "https" if secure else "http"
    try:
        here = urlsplit(f"{scheme}://{host}{path}")
        there = urlsplit(urljoin(here.geturl(), location))
        same = there.hostname == here.hostname and _port(there.scheme, there.port) == _port(scheme, here.port)
    except ValueError as error:
        raise RedirectError(f"{method} {path} is redirected to no address") from error
    if there.scheme != scheme or "@" in there.netloc or not same:
        raise RedirectError(f"{method} {path} is redirected to another host")
    query = f"?{quote(there.query, safe=_QUERY)}" if there.query else ""
    return quote(there.path or "/", safe=_PATH) + query


def onward(message: Message, status: int, path: str, cookies: str) -> Message:
    """Makes the next request: what changes about it is in RFC 9110, sections 15.4.2 to 15.4.9.

    Args:
        message: The one that was redirected.
        status: Status of the answer that says so.
        path: Where it leads.
        cookies: Value of the Cookie header; empty to leave it as it was.
    """
    head, _, body = message.wire.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    method = first.partition(" ")[0]
    to_get = (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST")
    if to_get:
        method, body = "GET", b""
        headers = [line for line in headers if not line.lower().startswith("content-")]
    if cookies:
        headers = [line for line in headers if not line.lower().startswith("cookie:")]
        headers.append(f"Cookie: {cookies}")
    wire = "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", ""]).encode() + body
    return Message(message.index, wire, method=method, known=message.known)


def _asked(message: Message) -> tuple[str, str, str]:
    """Method, path and host of a request."""
    first, *headers = message.wire.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    method, path, _ = first.split(" ")
    host = next(line.partition(":")[2].strip() for line in headers if line.lower().startswith("host:"))
    return method, path, host


def _port(scheme: str, port: int | None) -> int | None:
    return _PORTS.get(scheme) if port is None else port
