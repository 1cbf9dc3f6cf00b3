"""gRPC probes, against a real HTTP/2 server in this process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.probe import grpc_probe as module
from seatrial.probe.address import Address
from seatrial.probe.grpc_probe import probe_grpc
from tests.probe.server import closed_port

pytestmark = pytest.mark.anyio

Headers = list[tuple[str, str]]
OK: Headers = [(":status", "200"), ("content-type", "application/grpc")]
SERVING = b"\0\0\0\0\x02\x08\x01"


@dataclass
class Health:
    """A gRPC server that answers every call alike.

    Attributes:
        headers: Headers of the answer.
        body: Its body; None ends the answer with the headers.
        trailers: What comes after the body.
        calls: Path and body of each call.
    """

    headers: Headers = field(default_factory=lambda: OK)
    body: bytes | None = SERVING
    trailers: Headers = field(default_factory=lambda: [("grpc-status", "0")])
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        calls: dict[int, tuple[dict[str, str], bytearray]] = {}
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = {str(name): str(value) for name, value in event.headers}
                    calls[event.stream_id] = (headers, bytearray())
                elif isinstance(event, h2.events.DataReceived):
                    calls[event.stream_id][1].extend(event.data)
                elif isinstance(event, h2.events.StreamEnded):
                    headers, body = calls.pop(event.stream_id)
                    self.calls.append((headers, bytes(body)))
                    self._answer(connection, event.stream_id)
            writer.write(connection.data_to_send())
            await writer.drain()
        writer.close()

    def _answer(self, connection: h2.connection.H2Connection, stream: int) -> None:
        connection.send_headers(stream, self.headers, end_stream=self.body is None)
        if self.body is not None:
            for start in range(0, len(self.body), 10_000):
                connection.send_data(stream, self.body[start : start + 10_000])
            connection.send_headers(stream, self.trailers, end_stream=True)


@asynccontextmanager
async def listening(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]],
) -> AsyncIterator[Address]:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    async with server:
        yield Address("web", "127.0.0.1", server.sockets[0].getsockname()[1])


async def probed(health: Health, service: str = "") -> str:
    async with listening(health.handle) as address:
        return await probe_grpc(address, service, 5)


@pytest.mark.parametrize("service", ["", "shop.Orders", "a" * 200])
async def test_a_server_that_is_serving_is_healthy(service: str) -> None:
    health = Health()
    assert await probed(health, service) == ""
    ((headers, body),) = health.calls
    assert (headers[":method"], headers[":path"]) == ("POST", "/grpc.health.v1.Health/Check")
    assert (headers["content-type"], headers["te"]) == ("application/grpc", "trailers")
    assert body[:1] == b"\0"
    message = body[5:]
    assert int.from_bytes(body[1:5], "big") == len(message)
    assert message.endswith(service.encode())
    assert message[:1] == (b"\x0a" if service else b"")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\0\0\0\0\0", "gRPC health is UNKNOWN"),
        (b"\0\0\0\0\x02\x08\x02", "gRPC health is NOT_SERVING"),
        (b"\0\0\0\0\x02\x08\x03", "gRPC health is SERVICE_UNKNOWN"),
        (b"\0\0\0\0\x03\x08\x80\x01", "gRPC health is 128"),
        (b"\0\0\0\0\x05\x12\x01x\x08\x02", "gRPC health is NOT_SERVING"),
        (b"\0\0\0\0\x07\x15abcd\x08\x02", "gRPC health is NOT_SERVING"),
        (b"", "gRPC health: answered without a message"),
        (b"\x01\0\0\0\x02\x08\x01", "gRPC health: the answer is compressed, which was not asked for"),
        (b"\0\0\0\0\x09\x08\x01", "gRPC health: the answer is not one whole message"),
        (b"\0\0", "gRPC health: the answer is not one whole message"),
        (b"\0\0\0\0\x01\x08", "gRPC health: the answer is no protobuf message"),
        (b"\0\0\0\0\x02\x12\x7f", "gRPC health: the answer is no protobuf message"),
        (b"\0\0\0\0\x01\x0b", "gRPC health: the answer is no protobuf message"),
        (b"\0" * 100_000, "gRPC health: the answer exceeds 1024 bytes"),
    ],
)
async def test_any_other_answer_is_named(body: bytes, said: str) -> None:
    assert await probed(Health(body=body)) == said


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([*OK, ("grpc-status", "12"), ("grpc-message", "no%20such%20method")], "UNIMPLEMENTED: no such method"),
        ([*OK, ("grpc-status", "5")], "NOT_FOUND"),
        ([*OK, ("grpc-status", "99")], "status 99"),
        ([(":status", "404"), ("content-type", "text/html")], "answered HTTP status 404"),
        ([(":status", "200"), ("content-type", "text/html")], "answered text/html, not gRPC"),
    ],
)
async def test_a_refusal_is_named(headers: Headers, said: str) -> None:
    assert await probed(Health(headers=headers, body=None)) == f"gRPC health: {said}"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0" * 64,
        b"\xff" * 200,
        b"\0\0\0\x04\0\0\0\0\0\0\0\x05\x01\x04\0\0\0\x01" + b"\xff" * 5,
    ],
    ids=["nothing", "http/1.1", "zeros", "ones", "bad headers"],
)
async def test_what_is_no_grpc_at_all_is_a_failure_in_words(answer: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()

    async with listening(other) as address:
        problem = await probe_grpc(address, "", 5)
    assert problem.startswith("gRPC health: ")
    assert len(problem) < 200


async def test_a_server_that_hangs_is_bounded_and_a_closed_port_is_named() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as address:
        assert await probe_grpc(address, "", 0.1) == "gRPC health: no answer within 0.1s"
    assert (await probe_grpc(closed_port(), "", 5)).startswith("gRPC health: ")


@given(message=st.binary(max_size=40))
def test_no_message_is_more_than_malformed(message: bytes) -> None:
    with suppress(module._Malformed):
        assert module._status(message) >= 0
