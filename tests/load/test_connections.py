"""New connections for each request, the time to connect, redirects, and sockets that are half closed."""

import asyncio
import socket
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MODELS = pytest.mark.parametrize("profile", [{"users": 2}, {"rate": 50}], ids=["closed", "open"])
PATHS = pytest.mark.parametrize("path", ["/", "/${iteration}"], ids=["plain", "flow"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
NEW = {"connections": {"keepAlive": False}}


@pytest.fixture
def security(certificates: Any, secure: bool) -> dict[str, Any]:
    return certificates.right if secure else {}


# --- a new connection for each request -----------------------------------------------------------------------------


@MODELS
@PATHS
@SECURE
def test_each_request_has_a_connection_of_its_own(
    load: Any, profile: dict[str, int], path: str, security: dict[str, Any]
) -> None:
    async def close(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
        exchange.close()

    outcome = load(close, profile=profile, seconds=0.3, requests=[{"path": path}], **NEW, **security)
    assert outcome.last.errors == {}
    assert outcome.last.connections == outcome.server.connections == outcome.last.requests > 5
    assert all(b"\r\nConnection: close\r\n" in request for request in outcome.server.requests)


@MODELS
@PATHS
def test_even_if_the_server_would_keep_it(load: Any, ok: Any, profile: dict[str, int], path: str) -> None:
    outcome = load(ok, profile=profile, seconds=0.3, requests=[{"path": path}], **NEW)
    assert outcome.last.errors == {}
    assert outcome.server.connections == outcome.last.requests > 5


def test_the_server_closes_first(load: Any) -> None:
    """Or the worker would keep the port for a minute, and run out of ports."""
    ends: list[bytes] = []

    async def close(exchange: Any) -> None:
        exchange.send(OK)
        reader = exchange.writer.transport.get_protocol()._stream_reader
        # What comes within this time would be the worker's own end.
        try:
            ends.append(await asyncio.wait_for(reader.read(), 0.05))
        except TimeoutError:
            exchange.close()

    outcome = load(close, profile={"rate": 10}, seconds=0.5, **NEW)
    assert outcome.last.errors == {}
    assert outcome.last.requests == 5
    # The end of the load closes what is open.
    assert len(ends) <= 1


def test_a_connection_that_the_server_does_not_close_is_closed_after_a_second(load: Any) -> None:
    ends: list[float] = []

    async def keep(exchange: Any) -> None:
        exchange.send(OK)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await exchange.writer.transport.get_protocol()._stream_reader.read()
        ends.append(loop.time() - begin)

    load(keep, profile={"rate": 10}, seconds=1.6, **NEW)
    assert ends
    assert ends[0] == pytest.approx(1.0, abs=0.3)


# --- the time to connect -------------------------------------------------------------------------------------------


@MODELS
@PATHS
def test_a_connection_that_does_not_come_about_in_time(load: Any, ok: Any, profile: dict[str, int], path: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        with socket.create_connection(address):  # the one for which there is room
            outcome = load(
                ok,
                profile=profile,
                seconds=0.3,
                timeout="5s",
                port=address[1],
                requests=[{"path": path}],
                connections={"connectTimeout": "100ms"},
            )
    assert outcome.last.errors == {"connectTimeout": outcome.last.requests}
    assert outcome.last.requests > 3
    assert outcome.result.latency.total == outcome.last.requests
    assert 99_000 <= outcome.result.service_time.min <= outcome.result.service_time.max < 150_000
    assert outcome.last.bytes_sent == 0


def test_the_handshake_is_part_of_it(load: Any, ok: Any, certificates: Any) -> None:
    right = certificates.right | {"served": None}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = load(
            ok,
            profile={"rate": 20},
            seconds=0.2,
            timeout="5s",
            port=silent.getsockname()[1],
            connections={"connectTimeout": "100ms"},
            **right,
        )
    assert outcome.last.errors == {"connectTimeout": 4}


def test_an_answer_has_more_time(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.2)
        exchange.send(OK)

    outcome = load(slow, profile={"rate": 20}, seconds=0.2, connections={"connectTimeout": "100ms"})
    assert outcome.last.errors == {}


# --- redirects -----------------------------------------------------------------------------------------------------


def redirect(location: str, status: int = 302, more: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n".encode() + more
    return head + b"Content-Length: 4\r\n\r\nmove"


def to(location: str, status: int = 302, more: bytes = b"") -> Any:
    """Redirects from /from, and answers everything else."""

    async def answer(exchange: Any) -> None:
        exchange.send(redirect(location, status, more) if b" /from" in exchange.head else OK)

    return answer


FOLLOWED = [{"path": "/from", "followRedirects": True}]


@MODELS
@SECURE
def test_a_redirect_is_followed_and_both_are_one_request(
    load: Any, profile: dict[str, int], security: dict[str, Any]
) -> None:
    outcome = load(to("/to?a=b"), profile=profile, seconds=0.3, requests=FOLLOWED, **security)
    assert outcome.last.errors == {}
    assert len(outcome.server.requests) == 2 * outcome.last.requests > 4
    onward = [request for request in outcome.server.requests if request.startswith(b"GET /to?a=b HTTP/1.1\r\n")]
    assert len(onward) == outcome.last.requests
    assert outcome.last.bytes == outcome.last.requests * (len(redirect("/to?a=b")) + len(OK))
    assert outcome.last.bytes_sent == sum(map(len, outcome.server.requests))
    assert outcome.result.latency.total == outcome.last.requests


def test_its_time_is_that_of_all(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.05)
        exchange.send(redirect("/to") if b" /from" in exchange.head else OK)

    outcome = load(slow, profile={"users": 1}, seconds=0.3, requests=FOLLOWED)
    assert outcome.last.errors == {}
    assert outcome.result.latency.min >= 99_000
    assert outcome.result.service_time.min >= 99_000
    assert outcome.result.ttfb.min >= 99_000


def test_also_over_new_connections(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.05)
        exchange.send(redirect("/to") if b" /from" in exchange.head else OK)

    outcome = load(slow, profile={"users": 1}, seconds=0.3, requests=FOLLOWED, **NEW)
    assert outcome.last.errors == {}
    assert outcome.server.connections == 2 * outcome.last.requests
    assert outcome.result.service_time.min >= 99_000
    assert outcome.result.connect.max < 50_000


def test_and_its_timeout_too(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.15)
        exchange.send(redirect("/to") if b" /from" in exchange.head else OK)

    outcome = load(slow, profile={"rate": 10}, seconds=0.2, requests=FOLLOWED, timeout="200ms")
    assert outcome.last.errors == {"timeout": 2}
    assert outcome.result.service_time.max == pytest.approx(200_000, rel=0.001)


def test_without_being_asked_to_nobody_follows(load: Any) -> None:
    outcome = load(to("/to"), profile={"users": 1}, seconds=0.1, requests=[{"path": "/from"}])
    assert outcome.last.errors == {}
    assert not any(b" /to" in request for request in outcome.server.requests)


@pytest.mark.parametrize(
    "location",
    [
        "http://other.example/to",
        "//other.example/to",
        "http://127.0.0.1:1/to",
        "https://127.0.0.1/to",
        "http://[::1",
        "ftp:x",
    ],
)
def test_one_that_leads_elsewhere_is_not_followed(load: Any, location: str) -> None:
    outcome = load(to(location), profile={"users": 1}, seconds=0.1, requests=FOLLOWED)
    assert outcome.last.errors == {"redirect": outcome.last.requests}
    assert all(b" /from " in request for request in outcome.server.requests)


def test_one_that_names_the_service_itself_is(load: Any) -> None:
    async def absolute(exchange: Any) -> None:
        host = next(line for line in exchange.head.decode().split("\r\n") if line.startswith("Host: "))[6:]
        exchange.send(redirect(f"http://{host}/to#part") if b" /from" in exchange.head else OK)

    outcome = load(absolute, profile={"users": 1}, seconds=0.1, requests=FOLLOWED)
    assert outcome.last.errors == {}
    assert outcome.server.requests[1].startswith(b"GET /to HTTP/1.1\r\n")


def test_one_too_many_is_an_error(load: Any) -> None:
    outcome = load(to("/from-again"), profile={"users": 1}, seconds=0.1, requests=FOLLOWED)
    assert outcome.last.errors == {"redirect": outcome.last.requests}
    assert len(outcome.server.requests) == 6 * outcome.last.requests


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (302, "PUT", "PUT", b"text"),
        (307, "POST", "POST", b"text"),
        (308, "POST", "POST", b"text"),
    ],
)
def test_what_becomes_of_the_method(load: Any, status: int, method: str, then: str, body: bytes) -> None:
    requests = [{**FOLLOWED[0], "method": method, "text": "text"}]
    outcome = load(to("/to", status), profile={"users": 1}, seconds=0.1, requests=requests)
    assert outcome.last.errors == {}
    second = outcome.server.requests[1]
    assert second.startswith(f"{then} /to HTTP/1.1\r\n".encode())
    assert second.endswith(b"\r\n\r\n" + body)
    assert (b"Content-Type" in second) == bool(body)


def test_a_cookie_that_comes_with_it_goes_on(load: Any) -> None:
    answer = to("/to", more=b"Set-Cookie: session=7; Path=/\r\n")
    flow = {"name": "log-in", "steps": [{"path": "/from", "followRedirects": True}, {"path": "/then"}]}
    outcome = load(answer, profile={"users": 1}, seconds=0.1, requests=[], flows=[flow])
    assert outcome.last.errors == {}
    assert [b"Cookie: session=7" in request for request in outcome.server.requests[:3]] == [False, True, True]


def test_what_is_expected_is_of_the_last_answer(load: Any) -> None:
    requests = [{**FOLLOWED[0], "expect": ["response.status == 200 && response.text == 'hello'"]}]
    outcome = load(to("/to"), profile={"users": 1}, seconds=0.1, requests=requests)
    assert outcome.last.errors == {}
    assert outcome.last.checks == outcome.last.requests
    assert outcome.last.checks_failed == 0


@SECURE
def test_a_connection_that_is_lost_on_the_way(load: Any, security: dict[str, Any]) -> None:
    async def lose(exchange: Any) -> None:
        if b" /from" in exchange.head:
            exchange.send(redirect("/to"))
        else:
            exchange.reset()

    outcome = load(lose, profile={"users": 1}, seconds=0.2, requests=FOLLOWED, **security)
    assert outcome.last.errors == {"reset": outcome.last.requests}


# --- half closed ---------------------------------------------------------------------------------------------------


@MODELS
@PATHS
def test_a_server_that_closes_its_half_after_the_answer(load: Any, profile: dict[str, int], path: str) -> None:
    async def half(exchange: Any) -> None:
        exchange.send(OK)
        exchange.writer.write_eof()
        await asyncio.sleep(5)

    outcome = load(half, profile=profile, seconds=0.3, requests=[{"path": path}])
    assert outcome.last.errors == {}
    assert outcome.server.connections == outcome.last.requests > 2


@MODELS
@PATHS
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"], ids=["none", "part"])
def test_a_server_that_closes_its_half_before(load: Any, profile: dict[str, int], path: str, answer: bytes) -> None:
    async def half(exchange: Any) -> None:
        exchange.send(answer)
        exchange.writer.write_eof()
        await asyncio.sleep(5)

    outcome = load(half, profile=profile, seconds=0.2, requests=[{"path": path}])
    assert outcome.last.errors == {"reset": outcome.last.requests}
    assert outcome.last.requests > 2
    assert outcome.result.latency.total == 0


@PATHS
def test_an_answer_that_half_a_socket_completes(load: Any, path: str) -> None:
    async def half(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        exchange.writer.write_eof()
        await asyncio.sleep(5)

    outcome = load(half, profile={"users": 1}, seconds=0.2, requests=[{"path": path}])
    assert outcome.last.errors == {}
    assert outcome.last.requests > 1
