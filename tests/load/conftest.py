"""A server on loopback that behaves as a test wants, and a way to let a worker loose on it."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trustme
import uvloop

from seatrial.api.load import LoadSpec
from seatrial.load.assignment import Assignment, assignment
from seatrial.load.line import WorkerLine, parse_line
from seatrial.load.statistics import Merged, merged
from seatrial.load.worker import generate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

type_of_exchange = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request that the server has read, and the means to answer it.

    Attributes:
        head: Request line and headers.
        body: Body.
        connection: Number of the connection, from 0.
        number: Number of the request on its connection, from 0.
    """

    head: bytes
    body: bytes
    connection: int
    number: int
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Closes with a TCP reset."""
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """Workers take signals over for good, as the last thing in their process; other tests need theirs back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


class Server:
    """An HTTP server that answers each request by calling ``answer``."""

    def __init__(self, answer: type_of_exchange) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self._handlers: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        connection, self.connections = self.connections, self.connections + 1
        number = 0
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                body = await reader.readexactly(length)
                self.requests.append(head + body)
                await self.answer(Exchange(head, body, connection, number, writer))
                number += 1
        except (asyncio.IncompleteReadError, OSError, RuntimeError, asyncio.CancelledError):
            pass  # the worker has closed; uvloop says so with a RuntimeError
        finally:
            writer.transport.abort()
            self._handlers.discard(task)

    async def close(self) -> None:
        for task in self._handlers:
            task.cancel()
        await asyncio.sleep(0.01)


@dataclass
class Outcome:
    """What a worker did.

    Attributes:
        lines: Its lines, in order.
        server: The server it was let loose on.
        done: Whether it did all it had to.
    """

    lines: list[WorkerLine]
    server: Server
    done: bool
    spec: LoadSpec

    @property
    def last(self) -> WorkerLine:
        return self.lines[-1]

    @property
    def result(self) -> Merged:
        return merged({self.last.worker: self.last}, self.spec)


type_of_load = Callable[..., Outcome]


@pytest.fixture
def load() -> type_of_load:
    """Lets one worker loose on a server in the same event loop.

    ``load(answer, seconds=0.3, profile={...}, ...)``: the profile's own duration is replaced by ``seconds``, because
    an error takes no second to be seen. Stages are left as they are, and so is a load of some iterations. ``tls`` and
    ``ca`` are the worker's side of TLS, ``served`` the server's.
    """

    def let_loose(
        answer: type_of_exchange,
        *,
        profile: dict[str, Any],
        seconds: float = 0.3,
        warmup: float = 0.0,
        timeout: str = "1s",
        requests: list[dict[str, Any]] | None = None,
        port: int | None = None,
        host: str = "127.0.0.1",
        stop_after: float | None = None,
        run: str = "",
        secrets: dict[tuple[str, str], str] | None = None,
        tls: dict[str, Any] | None = None,
        ca: str = "",
        served: ssl.SSLContext | None = None,
        **more: Any,
    ) -> Outcome:
        spec = LoadSpec.model_validate(
            {
                "target": {"service": "tested", **({} if tls is None else {"tls": tls})},
                "profile": profile if "stages" in profile else {"duration": "1s", **profile},
                "requestTimeout": timeout,
                "requests": [{}] if requests is None else requests,
                **more,
            }
        )
        lines: list[str] = []

        async def measure() -> tuple[Server, bool]:
            server = Server(answer)
            listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=served)
            real = listener.sockets[0].getsockname()[1]
            whole = assignment(spec, host=host, port=port or real, index=0, run=run, secrets=secrets, ca=ca)
            share = (
                whole if {"stages", "iterations"} & set(profile) else shortened(whole, warmup=warmup, seconds=seconds)
            )
            stop = asyncio.Event()
            if stop_after is not None:
                asyncio.get_running_loop().call_later(stop_after, stop.set)
            try:
                done = await asyncio.wait_for(generate(share, lines.append, stop), seconds + warmup + 10)
            finally:
                listener.close()
                await server.close()
            return server, done

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            server, done = runner.run(measure())
        return Outcome([parse_line(line) for line in lines], server, done, spec)

    return let_loose


def shortened(share: Assignment, *, warmup: float, seconds: float) -> Assignment:
    return replace(share, warmup=int(warmup * 1e9), end=int((warmup + seconds) * 1e9))


@dataclass(frozen=True)
class Certificates:
    """A certificate authority for one test run, and what servers get from it."""

    authority: trustme.CA

    @property
    def pem(self) -> str:
        return self.authority.cert_pem.bytes().decode()

    def server(self, *names: str, **validity: Any) -> ssl.SSLContext:
        """What a server needs that has a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names, **validity).configure_cert(context)
        return context

    @property
    def right(self) -> dict[str, Any]:
        """Arguments of ``load`` for TLS with nothing wrong about it."""
        return {
            "served": self.server("orders.example"),
            "tls": {"serverName": "orders.example", "ca": {"configMap": {"name": "ca", "key": "ca.crt"}}},
            "ca": self.pem,
        }


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return Certificates(trustme.CA())


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def answer_ok(exchange: Exchange) -> None:
    exchange.send(OK)


@pytest.fixture
def ok() -> type_of_exchange:
    return answer_ok
