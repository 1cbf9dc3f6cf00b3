"""Following redirects, within the environment: to services by their names, and never anywhere else.

A location is only ever looked up among the environment's own services; what is connected to is the cluster IP that the
API server gave the one that was found. No part of a location becomes an address.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote, urljoin, urlsplit

from seatrial.judge.answer import Answer
from seatrial.judge.request import Request
from seatrial.probe.address import Address
from seatrial.probe.exchange import ExchangeFailed, Exchanger

#: Redirects that are followed for one request.
MOST = 5

#: Finds a service of the environment by its name and one of its ports by its number; None if there is no such.
Resolve = Callable[[str, int], Awaitable[Address | None]]

_STATUSES = frozenset({301, 302, 303, 307, 308})
#: Belongs to a body, and goes with it (RFC 9110, section 15.4).
_CONTENT = "content-"
#: Meant for the service that was asked, not for another one (RFC 9110, section 15.4).
_PERSONAL = frozenset({"authorization", "cookie", "host", "proxy-authorization"})
#: Characters of a path and of a query that stay as they are (RFC 3986, section 3.3 and 3.4).
_PATH = "/%:@!$&'()*+,;=~"
_QUERY = f"{_PATH}?"


@dataclass(frozen=True)
class _Place:
    """Where a redirect leads, as its location says."""

    service: str
    port: int
    path: str


async def exchange_following(exchanger: Exchanger, address: Address, request: Request, resolve: Resolve) -> Answer:
    """Sends a request, follows redirects, and returns the last answer.

    Args:
        exchanger: Sends the requests.
        address: The Service's port that the first one goes to.
        request: The first one; its timeout is for all of them together.
        resolve: Finds where the others go to.

    Raises:
        ExchangeFailed: There is no answer within the bounds, or a redirect that is not followed.
    """
    spent, location = timedelta(), ""
    for number in range(MOST + 1):
        left = request.timeout - spent.total_seconds()
        try:
            answer = await exchanger.exchange(address, replace(request, timeout=max(left, 0)))
        except ExchangeFailed as error:
            if number and error.reason == "RequestTimeout":
                message = f"no answer within {request.timeout:g}s, after {number} redirects"
                raise ExchangeFailed(error.reason, message) from error
            raise
        spent += answer.elapsed
        location = answer.headers.get("location", "")
        if answer.status not in _STATUSES or not location:
            return replace(answer, elapsed=spent)
        place = _place(address, request.path, location)
        found = await resolve(place.service, place.port)
        if found is None:
            raise _refused(location, "no service and port of this environment")
        request = _redirected(request, answer.status, place.path, stays=found == address)
        address = found
    raise ExchangeFailed("TooManyRedirects", f"more than {MOST} redirects, the last one to {_shown(location)}")


def _place(address: Address, path: str, location: str) -> _Place:
    try:
        parts = urlsplit(urljoin(f"http://{address.authority}{path}", location))
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused(location, "no address") from error
    if parts.scheme != "http" or "@" in parts.netloc or not host:
        raise _refused(location, "no service of this environment, by its name and plain HTTP")
    query = f"?{quote(parts.query, safe=_QUERY)}" if parts.query else ""
    return _Place(host, 80 if port is None else port, quote(parts.path or "/", safe=_PATH) + query)


def _redirected(request: Request, status: int, path: str, *, stays: bool) -> Request:
    """The next request: what changes about it is in RFC 9110, sections 15.4.2 to 15.4.9."""
    to_get = (status == 303 and request.method not in {"GET", "HEAD"}) or (
        status in {301, 302} and request.method == "POST"
    )
    headers = {
        name: value
        for name, value in request.headers.items()
        if (stays or name.lower() not in _PERSONAL) and not (to_get and name.lower().startswith(_CONTENT))
    }
    changed = replace(request, path=path, headers=headers)
    return replace(changed, method="GET", body=b"") if to_get else changed


def _refused(location: str, what: str) -> ExchangeFailed:
    return ExchangeFailed("RedirectRefused", f"redirected to what is {what}: {_shown(location)}")


def _shown(location: str) -> str:
    """Leaves the query out, in which codes and tokens travel."""
    path, _, query = location.partition("?")
    return f"{path}?…" if query else path
