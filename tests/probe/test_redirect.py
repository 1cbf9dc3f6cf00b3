"""Redirects lead to services of the environment by their names, and never anywhere else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.judge.answer import Answer
from seatrial.judge.request import Request
from seatrial.probe.address import Address
from seatrial.probe.exchange import ExchangeFailed, Exchanger
from seatrial.probe.redirect import MOST, _place, exchange_following
from tests.probe.server import Connection, Script, Service, serving

pytestmark = pytest.mark.anyio

Follow = Callable[..., Awaitable[Answer]]


def located(status: int, location: str) -> Script:
    async def script(connection: Connection) -> None:
        await connection.answer(status, location=location)

    return script


async def fine(connection: Connection) -> None:
    await connection.answer(200, b"here")


class Environment:
    """Services by name, as Seatrial knows them: port 80 is where each listens."""

    def __init__(self, exchanger: Exchanger, services: dict[str, Service]) -> None:
        self.exchanger, self.services, self.asked = exchanger, services, list[tuple[str, int]]()

    async def resolve(self, name: str, port: int) -> Address | None:
        self.asked.append((name, port))
        return self.services[name].address if name in self.services and port == 80 else None

    async def follow(self, request: Request) -> Answer:
        return await exchange_following(self.exchanger, self.services["web"].address, request, self.resolve)


@pytest.fixture
async def open_services() -> AsyncIterator[Callable[..., Awaitable[Environment]]]:
    exchanger = Exchanger()
    async with AsyncExitStack() as stack:

        async def enter(**scripts: Script) -> Environment:
            return Environment(
                exchanger, {name: await stack.enter_async_context(serving(script)) for name, script in scripts.items()}
            )

        yield enter
        await exchanger.close()


Enter = Callable[..., Awaitable[Environment]]


def request(method: str = "GET", path: str = "/a", body: bytes = b"", **headers: str) -> Request:
    return Request(method, path, {name.replace("_", "-"): value for name, value in headers.items()}, body, 5)


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ("http://other/b?x=1&y=%2F", "GET /b?x=1&y=%2F HTTP/1.1"),
        ("http://OTHER:80/b#part", "GET /b HTTP/1.1"),
        ("//other/b c", "GET /b%20c HTTP/1.1"),
        ("http://other", "GET / HTTP/1.1"),
        ("http://other//evil.example/x", "GET //evil.example/x HTTP/1.1"),
    ],
)
async def test_another_service_is_reached_by_its_name(open_services: Enter, location: str, line: str) -> None:
    environment = await open_services(web=located(302, location), other=fine)
    answer = await environment.follow(request())
    assert (answer.status, answer.body) == (200, b"here")
    (seen,) = environment.services["other"].connections
    assert seen.line == line


async def test_a_relative_location_stays_where_it_is(open_services: Enter) -> None:
    async def script(connection: Connection) -> None:
        await (connection.answer(200) if connection.number else connection.answer(303, location="../c?d"))

    environment = await open_services(web=script)
    real = environment.services["web"].address

    async def resolve(name: str, port: int) -> Address | None:
        return real if (name, port) == ("web", real.port) else None

    answer = await exchange_following(environment.exchanger, real, request(path="/a/b"), resolve)
    assert answer.status == 200
    assert [seen.line for seen in environment.services["web"].connections] == [
        "GET /a/b HTTP/1.1",
        "GET /c?d HTTP/1.1",
    ]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://kubernetes.default.svc/api",
        "https://other/b",
        "ftp://other/b",
        "http://127.0.0.1/",
        "http://other:8080/",
        "http://other@evil.example/",
        "http://evil.example@other/",
        "http://other.evil.example/",
        "http://other\\@evil.example/",
        "http://[::1]/",
        "http://[oops/",
        "http://other:99999/",
        "http:///x",
        "file:///etc/passwd",
        "//evil.example/x",
        "gopher:x",
    ],
)
async def test_nothing_else_is_ever_asked(open_services: Enter, location: str) -> None:
    environment = await open_services(web=located(302, location), other=fine)
    with pytest.raises(ExchangeFailed) as caught:
        await environment.follow(request())
    assert (caught.value.reason, caught.value.ours) == ("RedirectRefused", False)
    assert location in str(caught.value)
    assert environment.services["other"].connections == []
    assert len(environment.services["web"].connections) == 1


@given(
    location=st.text(st.characters(codec="utf-8"), max_size=40) | st.from_regex(r"https?:/{0,3}[@:/a-z\\.%\[\]]{0,20}")
)
def test_whatever_a_location_says_its_path_is_only_a_path(location: str) -> None:
    """What is connected to comes from the lookup alone; what is sent there must not be able to name another host."""
    address = Address("web", "10.0.0.1", 80)
    try:
        place = _place(address, "/a/b?c", location)
    except ExchangeFailed:
        return
    assert place.path.startswith("/")
    assert place.path.isascii()
    assert not set(place.path) & set(" \r\n\t\0#\\")


async def test_five_redirects_are_followed_and_no_more(open_services: Enter) -> None:
    async def counting(connection: Connection) -> None:
        end = connection.number == 5
        await (connection.answer(200) if end else connection.answer(307, location="http://web/again?token=abc"))

    environment = await open_services(web=counting)
    assert (await environment.follow(request())).status == 200
    endless = await open_services(web=located(308, "http://web/again?token=abc"))
    with pytest.raises(ExchangeFailed) as caught:
        await endless.follow(request())
    assert caught.value.reason == "TooManyRedirects"
    assert str(caught.value) == "more than 5 redirects, the last one to http://web/again?…"
    assert len(endless.services["web"].connections) == MOST + 1


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("GET", 301, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("PATCH", 308, "PATCH"),
        ("DELETE", 303, "GET"),
    ],
)
async def test_methods_and_bodies_follow_rfc_9110(open_services: Enter, method: str, status: int, then: str) -> None:
    environment = await open_services(web=located(status, "http://other/b"), other=fine)
    body = b"" if method in {"GET", "HEAD", "DELETE"} else b"body"
    await environment.follow(request(method, body=body, content_type="text/plain", x_mark="1"))
    (seen,) = environment.services["other"].connections
    assert seen.line == f"{then} /b HTTP/1.1"
    kept = then == method
    assert seen.body == (body if kept else b"")
    assert (seen.header("content-type") == "text/plain") is kept
    assert seen.header("x-mark") == "1"


async def test_what_is_meant_for_one_service_is_not_told_to_another(open_services: Enter) -> None:
    environment = await open_services(web=located(307, "http://other/b"), other=located(307, "http://other/c"))
    with pytest.raises(ExchangeFailed):
        await environment.follow(request(authorization="Bearer x", Cookie="a=b", Host="shop.example"))
    assert environment.services["web"].connections[0].header("host") == "shop.example"
    for seen in environment.services["other"].connections:
        assert seen.header("host") == f"web:{environment.services['other'].address.port}"
        assert (seen.header("authorization"), seen.header("cookie")) == (None, None)


@pytest.mark.parametrize("status", [200, 300, 304, 404])
async def test_only_redirects_are_followed(open_services: Enter, status: int) -> None:
    environment = await open_services(web=located(status, "http://other/b"), other=fine)
    assert (await environment.follow(request())).status == status
    assert environment.services["other"].connections == []


async def test_all_requests_share_one_time_limit(open_services: Enter) -> None:
    async def slowly(connection: Connection) -> None:
        await asyncio.sleep(0.1)
        await connection.answer(302, location="http://web/")

    environment = await open_services(web=slowly)
    short = Request("GET", "/", {}, b"", 0.25)
    with pytest.raises(ExchangeFailed) as caught:
        await environment.follow(short)
    assert caught.value.reason == "RequestTimeout"
    assert str(caught.value).startswith("no answer within 0.25s, after ")
