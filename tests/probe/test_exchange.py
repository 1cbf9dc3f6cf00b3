"""One request and its answer, against servers that do what servers do."""

import asyncio
import gzip
import json
import socket
import tracemalloc
import zlib
from datetime import timedelta

import pytest

from seatrial.judge.answer import Answer
from seatrial.judge.request import Request
from seatrial.probe import exchange as module
from seatrial.probe.address import Address
from seatrial.probe.exchange import ExchangeFailed, Exchanger
from tests.probe.server import Connection, closed_port, serving

pytestmark = pytest.mark.anyio


def get(path: str = "/", timeout: float = 10.0, **headers: str) -> Request:
    return Request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()}, b"", timeout)


async def fine(connection: Connection) -> None:
    await connection.answer(body=b'{"total": 3}', content_type="application/json", x_mark="1")


async def silent(_connection: Connection) -> None:
    await asyncio.sleep(30)


async def failure(exchanger: Exchanger, address: Address, request: Request) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        await exchanger.exchange(address, request)
    return caught.value


async def test_an_answer_is_read_whole(exchanger: Exchanger) -> None:
    async with serving(fine) as service:
        answer = await exchanger.exchange(service.address, get("/orders?page=2"))
    assert service.connections[0].line == "GET /orders?page=2 HTTP/1.1"
    assert answer.variables() | {"response.time": None} == {
        "response.status": 200,
        "response.headers": {"content-length": "12", "content-type": "application/json", "x-mark": "1"},
        "response.text": '{"total": 3}',
        "response.json": {"total": 3},
        "response.time": None,
    }
    assert answer.elapsed.total_seconds() > 0


async def test_the_request_carries_what_it_should(exchanger: Exchanger) -> None:
    request = Request("POST", "/o", {"Content-Type": "text/plain", "X-A": "1"}, b"body", 10)
    async with serving(fine) as service:
        await exchanger.exchange(service.address, request)
    (seen,) = service.connections
    assert (seen.line, seen.body) == ("POST /o HTTP/1.1", b"body")
    assert seen.header("host") == f"web:{service.address.port}"
    assert seen.header("user-agent") == "seatrial"
    assert seen.header("x-a") == "1"
    assert seen.header("content-length") == "4"
    names = [name for name, _ in seen.headers]
    assert len(names) == len(set(names))


async def test_a_step_may_set_any_header(exchanger: Exchanger) -> None:
    async with serving(fine) as service:
        await exchanger.exchange(service.address, get(Host="shop.example", User_Agent="me", Accept_Encoding="identity"))
    (seen,) = service.connections
    assert [value for name, value in seen.headers if name == "host"] == ["shop.example"]
    assert [value for name, value in seen.headers if name == "user-agent"] == ["me"]
    assert [value for name, value in seen.headers if name == "accept-encoding"] == ["identity"]


async def test_header_values_travel_as_utf_8(exchanger: Exchanger) -> None:
    async with serving(fine) as service:
        await exchanger.exchange(service.address, get(X_Name="Zoë"))
    assert (service.connections[0].header("x-name") or "").encode("latin-1").decode() == "Zoë"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
async def test_a_header_can_never_add_another(exchanger: Exchanger, value: str) -> None:
    async with serving(fine) as service:
        error = await failure(exchanger, service.address, get(X_A=value))
    assert (error.reason, error.ours) == ("InvalidRequest", True)
    assert service.connections == []


async def test_a_path_that_is_no_path_is_not_blamed_on_the_service(exchanger: Exchanger) -> None:
    async with serving(fine) as service:
        error = await failure(exchanger, service.address, get("/a\x01b"))
        assert (error.reason, error.ours) == ("InvalidRequest", True)


@pytest.mark.parametrize("header", ["Content-Length", "transfer-encoding"])
async def test_a_step_cannot_say_where_its_body_ends(exchanger: Exchanger, header: str) -> None:
    async with serving(fine) as service:
        error = await failure(exchanger, service.address, Request("POST", "/", {header: "5"}, b"abc", 10))
    assert (error.reason, error.ours) == ("InvalidRequest", True)
    assert str(error) == f"header {header.lower()} cannot be set: it follows from the body"
    assert service.connections == []


async def test_no_answer_in_time(exchanger: Exchanger) -> None:
    async with serving(silent) as service:
        error = await failure(exchanger, service.address, get(timeout=0.05))
    assert (error.reason, error.ours, str(error)) == ("RequestTimeout", False, "no answer within 0.05s")


async def test_an_answer_that_trickles_in_is_bounded_as_a_whole(exchanger: Exchanger) -> None:
    async def trickle(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            await connection.send(b"x")
            await asyncio.sleep(0.01)

    async with serving(trickle) as service:
        error = await failure(exchanger, service.address, get(timeout=0.1))
    assert error.reason == "RequestTimeout"


async def test_a_refused_connection(exchanger: Exchanger) -> None:
    error = await failure(exchanger, closed_port(), get("/x"))
    assert (error.reason, error.ours) == ("NoAnswer", False)
    assert str(error).startswith("GET /x: ")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\xfe\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000,
    ],
    ids=["nothing", "another protocol", "garbage", "cut off", "bad chunk", "cut off chunk", "endless header"],
)
async def test_what_is_no_answer_is_said_to_be_none(exchanger: Exchanger, answer: bytes) -> None:
    async def send(connection: Connection) -> None:
        await connection.send(answer)

    async with serving(send) as service:
        error = await failure(exchanger, service.address, get())
    assert (error.reason, error.ours) == ("NoAnswer", False)
    assert str(error) != "GET /: "


async def test_a_connection_that_is_reset(exchanger: Exchanger) -> None:
    async def reset(connection: Connection) -> None:
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        connection.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.writer.transport.abort()

    async with serving(reset) as service:
        assert (await failure(exchanger, service.address, get())).reason == "NoAnswer"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_our_limit(exchanger: Exchanger, chunked: bool) -> None:
    async def flood(connection: Connection) -> None:
        if chunked:
            await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                await connection.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        await connection.answer(body=b"x" * (module.BODY_BYTES + 1))

    async with serving(flood) as service:
        error = await failure(exchanger, service.address, get())
    assert (error.reason, error.ours) == ("ResponseTooLarge", True)


async def test_an_answer_with_too_many_headers_is_our_limit(exchanger: Exchanger) -> None:
    async def heads(connection: Connection) -> None:
        lines = "".join(f"x-{number}: 1\r\n" for number in range(module.HEADERS + 1))
        await connection.send(f"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n".encode())

    async with serving(heads) as service:
        error = await failure(exchanger, service.address, get())
    assert (error.reason, error.ours) == ("ResponseTooLarge", True)
    assert "headers" in str(error)


async def test_a_body_of_many_pieces_lets_others_have_their_turn(exchanger: Exchanger) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def pieces(connection: Connection) -> None:
        await connection.send(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
        )

    async with serving(pieces) as service:
        task = asyncio.create_task(others())
        answer = await exchanger.exchange(service.address, get())
        task.cancel()
    assert len(answer.body) == 20_000
    assert turns >= 20_000 / module.PIECES


async def test_headers_that_trickle_in_are_bounded_as_a_whole(exchanger: Exchanger) -> None:
    async def trickle(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            await connection.send(f"x-{number}: 1\r\n".encode())
            await asyncio.sleep(0.01)

    async with serving(trickle) as service:
        error = await failure(exchanger, service.address, get(timeout=0.1))
    assert error.reason == "RequestTimeout"


async def test_endless_interim_answers_are_bounded(exchanger: Exchanger) -> None:
    async def interim(connection: Connection) -> None:
        while True:
            await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)

    async with serving(interim) as service:
        error = await failure(exchanger, service.address, get(timeout=0.1))
    assert error.reason == "RequestTimeout"


async def test_the_largest_body_is_read(exchanger: Exchanger) -> None:
    async def large(connection: Connection) -> None:
        await connection.answer(body=b"x" * module.BODY_BYTES)

    async with serving(large) as service:
        answer = await exchanger.exchange(service.address, get())
    assert len(answer.body) == module.BODY_BYTES
    assert "response.json" not in answer.variables()


def deflated(data: bytes, wbits: int) -> bytes:
    packing = zlib.compressobj(wbits=wbits)
    return packing.compress(data) + packing.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("GZip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("x-gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("deflate", deflated(b'{"a": 1}', 15)),
        ("deflate", deflated(b'{"a": 1}', -15)),
        ("identity", b'{"a": 1}'),
    ],
)
async def test_coded_bodies_are_decoded(exchanger: Exchanger, coding: str, body: bytes) -> None:
    async def coded(connection: Connection) -> None:
        await connection.answer(body=body, content_encoding=coding)

    async with serving(coded) as service:
        answer = await exchanger.exchange(service.address, get())
    assert answer.variables()["response.json"] == {"a": 1}


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_bomb_does_not_go_off(exchanger: Exchanger, coding: str) -> None:
    """64 KiB that would unfold to 64 MiB."""
    bomb = deflated(bytes(64 << 20), 31 if coding == "gzip" else 15)
    assert len(bomb) < module.BODY_BYTES

    async def send(connection: Connection) -> None:
        await connection.answer(body=bomb, content_encoding=coding)

    async with serving(send) as service:
        tracemalloc.start()
        try:
            error = await failure(exchanger, service.address, get())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (error.reason, error.ours) == ("ResponseTooLarge", True)
    assert peak < 8 * module.BODY_BYTES


async def test_a_bomb_in_a_bomb_is_not_unfolded(exchanger: Exchanger) -> None:
    async def send(connection: Connection) -> None:
        await connection.answer(body=gzip.compress(gzip.compress(b"x"), mtime=0), content_encoding="gzip, gzip")

    async with serving(send) as service:
        error = await failure(exchanger, service.address, get())
    assert (error.reason, error.ours) == ("UnknownCoding", True)


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(b"x" * 1000, mtime=0)[:-9]])
async def test_a_body_that_is_not_what_its_header_says(exchanger: Exchanger, body: bytes) -> None:
    async def send(connection: Connection) -> None:
        await connection.answer(body=body, content_encoding="gzip")

    async with serving(send) as service:
        error = await failure(exchanger, service.address, get())
    assert (error.reason, error.ours) == ("NoAnswer", False)
    assert "gzip" in str(error)


async def test_an_empty_body_needs_no_decoding(exchanger: Exchanger) -> None:
    async def send(connection: Connection) -> None:
        await connection.answer(304, content_encoding="br")

    async with serving(send) as service:
        assert (await exchanger.exchange(service.address, get())).status == 304


async def test_redirects_are_answers(exchanger: Exchanger) -> None:
    async def redirect(connection: Connection) -> None:
        await connection.answer(302, location="http://169.254.169.254/latest/meta-data")

    async with serving(redirect) as service:
        answer = await exchanger.exchange(service.address, get())
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/latest/meta-data")
    assert len(service.connections) == 1


async def test_cookies_are_not_kept(exchanger: Exchanger) -> None:
    async def cookie(connection: Connection) -> None:
        await connection.answer(set_cookie="session=secret; Path=/")

    async with serving(cookie) as service:
        await exchanger.exchange(service.address, get())
        await exchanger.exchange(service.address, get())
    assert [seen.header("cookie") for seen in service.connections] == [None, None]


async def test_each_exchange_has_a_connection_of_its_own(exchanger: Exchanger) -> None:
    """A kept connection may be closed by the service just as it is used again, which would look like a failure."""
    async with serving(fine) as service:
        for _ in range(3):
            await exchanger.exchange(service.address, get())
    assert [seen.number for seen in service.connections] == [0, 1, 2]
    assert {seen.header("connection") for seen in service.connections} == {"close"}


async def test_proxies_of_the_operators_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = closed_port()
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    exchanger = Exchanger()
    async with serving(fine) as service:
        assert (await exchanger.exchange(service.address, get())).status == 200
    await exchanger.close()


async def test_ipv6(exchanger: Exchanger) -> None:
    async with serving(fine, "::1") as service:
        assert service.address.origin == f"http://[::1]:{service.address.port}"
        assert (await exchanger.exchange(service.address, get())).status == 200
    assert service.connections[0].header("host") == f"web:{service.address.port}"


async def test_cancelling_closes_the_connection(exchanger: Exchanger) -> None:
    hung_up = asyncio.Event()

    async def wait(connection: Connection) -> None:
        reader = connection.writer.transport.get_protocol()._stream_reader  # type: ignore[attr-defined]  # asyncio's own
        await reader.read()
        hung_up.set()

    async with serving(wait) as service:
        task = asyncio.create_task(exchanger.exchange(service.address, get()))
        while not service.connections:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await hung_up.wait()


def answer(body: bytes) -> Answer:
    return Answer(200, {}, body, timedelta(seconds=1))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}', b"[" * 100_000, b"\xff\xfe\x00"]
)
def test_what_is_no_json_is_absent(body: bytes) -> None:
    assert "response.json" not in answer(body).variables()


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "", [], {"a": [{}]}, 2**63, "ünï"])
def test_all_json_is_there(value: object) -> None:
    assert answer(json.dumps(value).encode()).variables()["response.json"] == value


def test_text_that_is_no_utf_8_is_still_text() -> None:
    assert answer(b"a\xffb").variables()["response.text"] == "a\ufffdb"
