"""The gRPC probe: grpc.health.v1.Health/Check over HTTP/2 without TLS.

One request of one message needs no gRPC library: the wire format is the one of gRPC over HTTP/2
(https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), the messages are those of
https://github.com/grpc/grpc/blob/master/doc/health-checking.md, in protobuf's encoding.
"""

import asyncio
import ssl
from collections.abc import Iterator
from urllib.parse import unquote

import h2.exceptions
import httpx

from seatrial.api.outcome import shortened
from seatrial.probe.address import Address

_PATH = "/grpc.health.v1.Health/Check"
_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
#: Codes a health check is likely to meet (grpc/status.h); others are shown as numbers.
_CODES = {"4": "DEADLINE_EXCEEDED", "5": "NOT_FOUND", "12": "UNIMPLEMENTED", "14": "UNAVAILABLE"}
_SERVING = 1
#: Bytes of an answer that are read; a whole one has seven.
_BODY_BYTES = 1024
#: Before a message: whether it is compressed, and its length in four bytes.
_PREFIX = 5


class _Malformed(ValueError):
    """The answer is no message of the health protocol; the text says why."""


async def probe_grpc(address: Address, service: str, timeout: float) -> str:
    """Asks for a service's health once.

    Args:
        address: The Service's port.
        service: Name of the gRPC service, empty for the server as a whole.
        timeout: Seconds for everything.

    Returns:
        What was wrong; empty if it is serving.
    """
    # A transport for each probe, as in Exchanger: no connection is kept, so none can lead to a pod that is gone.
    transport = httpx.AsyncHTTPTransport(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), http1=False, http2=True, trust_env=False
    )
    try:
        async with asyncio.timeout(timeout), transport:
            return await _check(transport, address, service)
    except TimeoutError:
        return f"gRPC health: no answer within {timeout:g}s"
    except _Malformed as error:
        return f"gRPC health: {error}"
    # The last is what httpcore lets through of a status that is no number.
    except (httpx.TransportError, h2.exceptions.H2Error, ValueError) as error:
        return f"gRPC health: {shortened(str(error), 120) or type(error).__name__}"


async def _check(transport: httpx.AsyncHTTPTransport, address: Address, service: str) -> str:
    request = httpx.Request(
        "POST",
        address.origin + _PATH,
        headers={
            "host": address.authority,
            "content-type": "application/grpc",
            "te": "trailers",
            "user-agent": "seatrial",
        },
        content=_framed(_request(service)),
    )
    response = await transport.handle_async_request(request)
    try:
        code = response.headers.get("grpc-status", "0")
        if response.status_code != 200:
            return f"gRPC health: answered HTTP status {response.status_code}"
        if code != "0":
            said = shortened(unquote(response.headers.get("grpc-message", "")), 100)
            return f"gRPC health: {_CODES.get(code, f'status {shortened(code, 10)}')}" + (f": {said}" if said else "")
        if not response.headers.get("content-type", "").startswith("application/grpc"):
            raise _Malformed(f"answered {shortened(response.headers.get('content-type', 'nothing'), 50)}, not gRPC")
        body = bytearray()
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - what an asynchronous transport returns
        async for chunk in response.stream:
            body += chunk
            if len(body) > _BODY_BYTES:
                raise _Malformed(f"the answer exceeds {_BODY_BYTES} bytes")
    finally:
        await response.aclose()
    status = _status(_unframed(bytes(body)))
    about = f" of {service}" if service else ""
    return "" if status == _SERVING else f"gRPC health{about} is {_STATUSES.get(status, status)}"


def _request(service: str) -> bytes:
    """A HealthCheckRequest: the service's name is field 1."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def _unframed(body: bytes) -> bytes:
    if not body:
        # The code of a failure after the headers is in the trailers, which httpx does not show.
        raise _Malformed("answered without a message")
    if body[0]:
        raise _Malformed("the answer is compressed, which was not asked for")
    message = body[_PREFIX:]
    if len(body) < _PREFIX or int.from_bytes(body[1:_PREFIX], "big") != len(message):
        raise _Malformed("the answer is not one whole message")
    return message


def _status(message: bytes) -> int:
    """Reads a HealthCheckResponse, whose status is field 1; absent, it is 0."""
    status, octets = 0, iter(message)
    for octet in octets:
        tag = _read_varint(octets, octet)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            value = _read_varint(octets, next(octets, None))
            status = value if field == 1 else status
        elif kind == 2:
            _skip(octets, _read_varint(octets, next(octets, None)))
        elif kind in {1, 5}:
            _skip(octets, 8 if kind == 1 else 4)
        else:
            raise _Malformed("the answer is no protobuf message")
    return status


def _read_varint(octets: Iterator[int], first: int | None) -> int:
    number, octet = 0, first
    for shift in range(0, 70, 7):
        if octet is None:
            break
        number |= (octet & 0x7F) << shift
        if octet < 0x80:
            return number
        octet = next(octets, None)
    raise _Malformed("the answer is no protobuf message")


def _skip(octets: Iterator[int], count: int) -> None:
    for _ in range(count):
        if next(octets, None) is None:
            raise _Malformed("the answer is no protobuf message")
