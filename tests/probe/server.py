"""Servers on loopback that answer byte by byte what a test wants."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from seatrial.probe.address import Address

Script = Callable[["Connection"], Awaitable[None]]


@dataclass
class Connection:
    """One connection, whose first request has been read.

    Attributes:
        head: Request line and headers.
        body: Body.
        number: Number of the connection, from 0.
    """

    head: str
    body: bytes
    number: int
    writer: asyncio.StreamWriter

    @property
    def line(self) -> str:
        return self.head.split("\r\n")[0]

    @property
    def headers(self) -> list[tuple[str, str]]:
        pairs = [line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line]
        return [(pair[0].lower(), pair[1] if len(pair) > 1 else "") for pair in pairs]

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n", body)


@dataclass
class Service:
    """A service with one port.

    Attributes:
        address: Where it is.
        connections: Every request so far.
    """

    address: Address
    script: Script
    connections: list[Connection] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            connection = Connection(head, b"", len(self.connections), writer)
            length = int(connection.header("content-length") or 0)
            connection.body = await reader.readexactly(length)
            self.connections.append(connection)
            await self.script(connection)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a TCP probe, or a client that has heard enough
        finally:
            writer.close()


@asynccontextmanager
async def serving(script: Script, host: str = "127.0.0.1") -> AsyncIterator[Service]:
    """Runs a service."""
    service = Service(Address("web", host, 0), script)
    server = await asyncio.start_server(service.handle, host, 0)
    service.address = Address("web", host, server.sockets[0].getsockname()[1])
    async with server:
        yield service


def closed_port() -> Address:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Address("web", "127.0.0.1", probe.getsockname()[1])
