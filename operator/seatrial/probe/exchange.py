"""One HTTP request and its answer, bounded in time and in size."""

import asyncio
import ssl
import time
import zlib
from datetime import timedelta

import httpx

from seatrial.judge.answer import Answer
from seatrial.judge.request import Request
from seatrial.probe.address import Address

#: Bytes of a body that are read, and that it may unfold to; a larger answer is an error, not a reason to need more
#: memory.
BODY_BYTES = 1 << 20

#: Headers of an answer; their bytes are bounded by the HTTP library, at 100 KiB.
HEADERS = 200
#: Pieces of a body that are taken in one go. Others have their turn then, even if there is a piece for each byte.
PIECES = 50

#: Headers that say where the body ends (RFC 9112, section 6).
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class ExchangeFailed(Exception):
    """There was no usable answer.

    Attributes:
        reason: Stable CamelCase word.
        ours: Whether the limit is ours, so that the service cannot be blamed.
    """

    def __init__(self, reason: str, message: str, *, ours: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.ours = ours


class Exchanger:
    """Sends requests for the whole process.

    Requests go to the transport and not through a client, which would keep the cookies of one tenant's service for
    another's and would look into redirects that nobody follows. Each exchange has a connection of its own: a kept one
    may be closed by the service just as it is used again, which would look like a failure; would lead every request of
    a service to the same pod; and could lead to another tenant's service, once the cluster IP is given to that. There
    is no common limit of connections either, which one tenant's hanging services could use up.
    """

    def __init__(self) -> None:
        self._transport = httpx.AsyncHTTPTransport(
            # Plain HTTP only: without this, the certificates of all the world's authorities would be loaded.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._transport.aclose()

    async def exchange(self, address: Address, request: Request) -> Answer:
        """Sends a request and reads its answer. Redirects are answers like any other.

        Raises:
            ExchangeFailed: There is no answer, or none within the bounds.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(request.timeout):
                return await self._exchange(address, request, began)
        except TimeoutError as error:
            raise ExchangeFailed("RequestTimeout", f"no answer within {request.timeout:g}s") from error
        except (httpx.LocalProtocolError, httpx.InvalidURL) as error:
            message = f"{request.method} {request.path} cannot be sent: {error}"
            raise ExchangeFailed("InvalidRequest", message, ours=True) from error
        except httpx.TransportError as error:
            message = f"{request.method} {request.path}: {str(error) or type(error).__name__}"
            raise ExchangeFailed("NoAnswer", message) from error

    async def _exchange(self, address: Address, request: Request, began: float) -> Answer:
        built = httpx.Request(
            request.method,
            address.origin + request.path,
            headers=_headers(address, request),
            content=request.body or None,
        )
        response = await self._transport.handle_async_request(built)
        try:
            if len(response.headers.raw) > HEADERS:
                raise ExchangeFailed("ResponseTooLarge", f"the answer has more than {HEADERS} headers", ours=True)
            raw = await _read(response)
        finally:
            await response.aclose()
        body = _decoded(raw, response.headers.get("content-encoding", "").strip().lower())
        elapsed = timedelta(seconds=time.monotonic() - began)
        return Answer(response.status_code, dict(response.headers), body, elapsed)


async def _read(response: httpx.Response) -> bytes:
    raw, pieces = bytearray(), 0
    async for piece in response.aiter_raw():
        raw += piece
        pieces += 1
        if len(raw) > BODY_BYTES:
            raise _too_large()
        if pieces % PIECES == 0:
            await asyncio.sleep(0)
    return bytes(raw)


def _headers(address: Address, request: Request) -> list[tuple[bytes, bytes]]:
    """All headers, of which a step may set any; values travel as UTF-8."""
    headers = {
        "host": address.authority,
        "accept": "*/*",
        "user-agent": "seatrial",
        "accept-encoding": "gzip, deflate",
        "connection": "close",
    }
    given = {name.lower(): value for name, value in request.headers.items()}
    if wrong := given.keys() & _FRAMING:
        message = f"header {min(wrong)} cannot be set: it follows from the body"
        raise ExchangeFailed("InvalidRequest", message, ours=True)
    headers |= given
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _decoded(raw: bytes, coding: str) -> bytes:
    """Undoes a content coding (RFC 9110, section 8.4.1); httpx would unfold a bomb before its size could be seen."""
    if not raw or coding in {"", "identity"}:
        return raw
    if coding not in {"gzip", "x-gzip", "deflate"}:
        message = f"the body is coded as {coding!r}; Seatrial reads gzip and deflate"
        raise ExchangeFailed("UnknownCoding", message, ours=True)
    # Either format by its header; some servers leave the one of deflate out (RFC 9110, section 8.4.1.2).
    headless = coding == "deflate" and raw[0] & 0x0F != zlib.DEFLATED
    unfolding = zlib.decompressobj(-zlib.MAX_WBITS if headless else zlib.MAX_WBITS | 32)
    try:
        body = unfolding.decompress(raw, BODY_BYTES + 1)
    except zlib.error as error:
        raise ExchangeFailed("NoAnswer", f"the body is not {coding}, as its header says: {error}") from error
    if len(body) > BODY_BYTES:
        raise _too_large()
    if not unfolding.eof:
        raise ExchangeFailed("NoAnswer", f"the body, coded as {coding}, is cut off")
    return body


def _too_large() -> ExchangeFailed:
    return ExchangeFailed("ResponseTooLarge", f"the body exceeds {BODY_BYTES} bytes", ours=True)
