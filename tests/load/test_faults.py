"""Servers that do wrong: never a hang, never a crash, never a success."""

import asyncio
import socket
import time
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MODELS = pytest.mark.parametrize("profile", [{"users": 2}, {"rate": 50}], ids=["closed", "open"])
#: Model, path and whether there is TLS: each way of sending, with and without TLS.
WAYS = pytest.mark.parametrize(
    ("profile", "path", "secure"),
    [
        ({"users": 2}, "/", False),
        ({"rate": 50}, "/", False),
        ({"users": 2}, "/${iteration}", False),
        ({"rate": 50}, "/${iteration}", False),
        ({"users": 2}, "/", True),
        ({"rate": 50}, "/${iteration}", True),
    ],
    ids=["closed", "open", "closed-flow", "open-flow", "closed-tls", "open-flow-tls"],
)


async def reset(exchange: Any) -> None:
    exchange.reset()


async def close(exchange: Any) -> None:
    exchange.close()


async def half(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    exchange.close()


async def half_a_header(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-")
    exchange.close()


async def half_a_chunk(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf")
    exchange.close()


async def garbage(exchange: Any) -> None:
    exchange.send(b"\x15\x03\x03\x00\x02\x02\x16")


async def broken_chunks(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n")


async def endless_header(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_485_760)
    await exchange.writer.drain()


async def long_header(exchange: Any) -> None:
    """10 MiB of headers, each of a usual length, and an end."""
    exchange.send(b"HTTP/1.1 200 OK\r\n" + b"X-Header: 0123456789\r\n" * 476_626 + b"Content-Length: 0\r\n\r\n")
    await exchange.writer.drain()


async def longer(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world")


async def longer_and_closed(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello, world")
    exchange.close()


async def shorter(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
    await asyncio.sleep(60)


async def no_last_chunk(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    exchange.close()


async def two_lengths(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")


async def old(exchange: Any) -> None:
    """HTTP/0.9: a body and nothing else."""
    exchange.send(b"hello")
    exchange.close()


async def half_closed(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    if exchange.writer.can_write_eof():
        exchange.writer.write_eof()
    else:
        exchange.close()  # TLS knows no half of a connection
    await asyncio.sleep(60)


async def switch(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello")


async def not_found(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")


async def unavailable(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    exchange.close()


async def silent(_: Any) -> None:
    await asyncio.sleep(60)


async def dribble(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(1000):
        exchange.send(b"x")
        await asyncio.sleep(0.02)


async def endless_interim(exchange: Any) -> None:
    for _ in range(1000):
        exchange.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(0.02)


@WAYS
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reset, "reset"),
        (close, "reset"),
        (half, "reset"),
        (half_a_header, "reset"),
        (half_a_chunk, "reset"),
        (garbage, "protocol"),
        (broken_chunks, "protocol"),
        (endless_header, "protocol"),
        (long_header, "protocol"),
        (longer, "protocol"),
        (longer_and_closed, "protocol"),
        (shorter, "timeout"),
        (no_last_chunk, "reset"),
        (two_lengths, "protocol"),
        (old, "protocol"),
        (half_closed, "reset"),
        (switch, "protocol"),
        (not_found, "status4xx"),
        (unavailable, "status5xx"),
        (silent, "timeout"),
        (dribble, "timeout"),
        (endless_interim, "timeout"),
    ],
)
def test_every_request_is_an_error_of_its_kind(
    load: Any, certificates: Any, answer: Any, kind: str, profile: dict[str, int], path: str, secure: bool
) -> None:
    security = certificates.right if secure else {}
    # A handshake takes its time, too, where many tests run at once.
    timeout = "2s" if kind != "timeout" else "400ms" if secure else "100ms"
    outcome = load(answer, profile=profile, seconds=0.1, timeout=timeout, requests=[{"path": path}], **security)
    assert outcome.done
    assert outcome.last.errors == {kind: outcome.last.requests}
    assert outcome.last.requests >= 2
    assert outcome.last.in_flight == 0
    has_latency = kind == "timeout" or kind.startswith("status")
    assert outcome.result.latency.total == (outcome.last.requests if has_latency else 0)


@WAYS
def test_a_refused_connection(
    load: Any, ok: Any, certificates: Any, unused_port: int, profile: dict[str, int], path: str, secure: bool
) -> None:
    security = certificates.right if secure else {}
    outcome = load(ok, profile=profile, seconds=0.3, port=unused_port, requests=[{"path": path}], **security)
    assert outcome.last.errors == {"connect": outcome.last.requests}
    assert outcome.result.latency.total == 0
    # 2, 4, 8 … ms between attempts: some per user and not thousands.
    assert 2 <= outcome.last.requests <= 30


def test_a_server_that_does_not_even_accept(load: Any, ok: Any) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        outcome = load(ok, profile={"rate": 50}, seconds=0.3, timeout="200ms", port=deaf.getsockname()[1])
    assert outcome.last.errors == {"timeout": 15}
    assert outcome.result.latency.min >= 199_000


@pytest.mark.parametrize("path", ["/", "/${iteration}"], ids=["plain", "flow"])
@pytest.mark.parametrize("host", ["does-not-exist.invalid", "a" * 64 + ".b", "256.256.256.256"])
def test_a_name_without_an_address(load: Any, ok: Any, host: str, path: str) -> None:
    outcome = load(ok, profile={"users": 1}, seconds=0.2, host=host, timeout="2s", requests=[{"path": path}])
    assert set(outcome.last.errors) <= {"dns", "timeout"}
    assert sum(outcome.last.errors.values()) == outcome.last.requests >= 1


def test_a_timeout_counts_with_the_time_that_was_given(load: Any) -> None:
    outcome = load(silent, profile={"rate": 20}, seconds=0.5, timeout="300ms")
    assert outcome.last.errors == {"timeout": 10}
    assert outcome.result.latency.min >= 299_000
    assert outcome.result.service_time.max == pytest.approx(300_000, rel=0.001)


def test_half_of_the_requests_stalled_cannot_hide(load: Any) -> None:
    async def every_other(exchange: Any) -> None:
        if b"/slow" in exchange.head:
            await asyncio.sleep(60)
        exchange.send(OK)

    outcome = load(
        every_other, profile={"rate": 100}, seconds=0.4, timeout="250ms", requests=[{"path": "/"}, {"path": "/slow"}]
    )
    assert outcome.last.requests == 40
    assert outcome.last.errors == {"timeout": 20}
    assert outcome.result.latency.percentile(75) >= 249_000
    assert [entry.errors for entry in outcome.last.by_request] == [0, 20]


def test_a_keep_alive_that_was_just_closed_is_tried_once_more(load: Any) -> None:
    async def close_second(exchange: Any) -> None:
        if exchange.number == 1:
            exchange.close()
        else:
            exchange.send(OK)

    outcome = load(close_second, profile={"users": 1}, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.last.retries > 1
    assert len(outcome.server.requests) == outcome.last.requests + outcome.last.retries


def test_the_second_try_has_its_time_however_old_the_first_connection_was(load: Any) -> None:
    begin = time.monotonic()

    async def close_late(exchange: Any) -> None:
        await asyncio.sleep(0.05)
        if exchange.connection == 0 and time.monotonic() - begin > 0.5:
            exchange.close()
        else:
            exchange.send(OK)

    outcome = load(close_late, profile={"users": 1}, seconds=0.8, timeout="400ms")
    assert outcome.last.errors == {}
    assert outcome.last.retries == 1


def test_but_never_what_must_not_be_sent_twice(load: Any) -> None:
    async def close_second(exchange: Any) -> None:
        if exchange.number == 1:
            exchange.close()
        else:
            exchange.send(OK)

    outcome = load(close_second, profile={"users": 1}, seconds=0.2, requests=[{"method": "POST"}])
    assert outcome.last.retries == 0
    assert outcome.last.errors["reset"] >= outcome.last.requests // 2
    assert len(outcome.server.requests) == outcome.last.requests


def test_nor_a_request_on_a_fresh_connection(load: Any) -> None:
    outcome = load(close, profile={"users": 1}, seconds=0.2)
    assert outcome.last.retries == 0


def test_a_service_that_recovers_is_measured_again(load: Any) -> None:
    begin = time.monotonic()

    async def recover(exchange: Any) -> None:
        if time.monotonic() - begin < 0.3:
            exchange.reset()
        else:
            exchange.send(OK)

    outcome = load(recover, profile={"users": 2}, seconds=1.0)
    assert outcome.last.errors["reset"] >= 1
    assert outcome.result.latency.total == outcome.last.requests - outcome.last.errors["reset"] > 0


def test_errors_of_the_warm_up_do_not_count(load: Any) -> None:
    begin = time.monotonic()

    async def warm(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 500 Starting\r\nContent-Length: 0\r\n\r\n" if time.monotonic() - begin < 0.3 else OK)
        await asyncio.sleep(0.005)

    outcome = load(warm, profile={"users": 1}, warmup=0.8, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.last.requests > 0
