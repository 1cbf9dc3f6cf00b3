"""One HTTP request and its answer, bounded in time and in size."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from seatrial.probe.address import Address

#: Bytes of a body that are read; a larger answer is an error, not a reason to need more memory.
BODY_BYTES = 1 << 20


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


@dataclass(frozen=True)
class Request:
    """A request, ready to send.

    Attributes:
        method: HTTP method.
        path: Path and query.
        headers: Headers, in addition to Host.
        body: Body, empty for none.
        timeout: Seconds for everything, from the connection to the last byte.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    timeout: float


@dataclass(frozen=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: timedelta

    def variables(self) -> dict[str, Any]:
        """The answer as the variables of an expression. ``response.json`` is absent if the body is not JSON."""
        values: dict[str, Any] = {
            "response.status": self.status,
            "response.headers": dict(self.headers),
            "response.text": self.body.decode(errors="replace"),
            "response.time": self.elapsed,
        }
        with suppress(ValueError, RecursionError):
            values["response.json"] = json.loads(self.body)
        return values


class Exchanger:
    """Sends requests over one pool of connections for the whole process.

    Each exchange has a client of its own around the shared transport, so that no cookie of one tenant's service ever
    reaches another's.
    """

    def __init__(self) -> None:
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_connections=1000, keepalive_expiry=5)
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._transport.aclose()

    async def exchange(self, address: Address, request: Request) -> Answer:
        """Sends a request and reads its answer. Redirects are answers like any other.

        Raises:
            ExchangeFailed: There is no answer, or none within the bounds.
        """
        client = httpx.AsyncClient(
            transport=self._transport, trust_env=False, follow_redirects=False, timeout=request.timeout
        )
        began = time.monotonic()
        try:
            async with asyncio.timeout(request.timeout):
                return await self._exchange(client, address, request, began)
        except TimeoutError as error:
            raise ExchangeFailed("RequestTimeout", f"no answer within {request.timeout:g}s") from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            message = f"{request.method} {request.path}: {str(error) or type(error).__name__}"
            raise ExchangeFailed("NoAnswer", message) from error

    async def _exchange(self, client: httpx.AsyncClient, address: Address, request: Request, began: float) -> Answer:
        headers = {"host": address.authority, "user-agent": "seatrial"} | dict(request.headers)
        built = client.build_request(
            request.method, address.origin + request.path, headers=headers, content=request.body or None
        )
        response = await client.send(built, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise ExchangeFailed("ResponseTooLarge", f"the body exceeds {BODY_BYTES} bytes", ours=True)
        finally:
            await response.aclose()
        elapsed = timedelta(seconds=time.monotonic() - began)
        return Answer(response.status_code, dict(response.headers), bytes(body), elapsed)
