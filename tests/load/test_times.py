"""Time to the first byte, times of connections, bytes."""

import asyncio
from time import monotonic_ns
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.load.histogram import Histogram, Recording
from seatrial.load.tally import Tally

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MODELS = pytest.mark.parametrize("profile", [{"users": 2}, {"rate": 20}], ids=["closed", "open"])
PLAIN_OR_FLOW = pytest.mark.parametrize("more", [{}, {"requests": [{"path": "/${iteration}"}]}], ids=["plain", "flow"])


async def in_two_parts(exchange: Any) -> None:
    exchange.send(OK[:-3])
    await asyncio.sleep(0.05)
    exchange.send(OK[-3:])


@MODELS
@PLAIN_OR_FLOW
def test_the_first_byte_of_an_answer_in_parts(load: Any, profile: dict[str, int], more: Any) -> None:
    outcome = load(in_two_parts, profile=profile, seconds=0.3, **more)
    first, last = outcome.result.ttfb, outcome.result.service_time
    assert first.total == last.total == outcome.last.requests
    assert last.min >= 49_000
    assert first.percentile(50) < 25_000


@MODELS
@PLAIN_OR_FLOW
def test_an_answer_that_comes_at_once_has_its_first_byte_with_the_last(
    load: Any, ok: Any, profile: dict[str, int], more: Any
) -> None:
    outcome = load(ok, profile=profile, seconds=0.2, **more)
    assert outcome.last.ttfb is None
    assert outcome.result.ttfb.total == outcome.last.requests


@pytest.mark.parametrize("profile", [{"users": 2}, {"rate": 20}], ids=["closed", "open"])
def test_an_answer_that_only_ends_with_the_connection(load: Any, profile: dict[str, int]) -> None:
    async def until_closed(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await asyncio.sleep(0.05)
        exchange.close()

    outcome = load(until_closed, profile=profile, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.result.service_time.min >= 49_000
    assert outcome.result.ttfb.percentile(50) < 25_000
    assert outcome.last.connections == outcome.result.connect.total == outcome.last.requests


@PLAIN_OR_FLOW
def test_a_first_byte_counts_even_if_the_rest_never_comes(load: Any, more: Any) -> None:
    async def endless(exchange: Any) -> None:
        exchange.send(OK[:-3])
        await asyncio.sleep(60)

    outcome = load(endless, profile={"rate": 20}, seconds=0.2, timeout="200ms", **more)
    assert outcome.last.errors == {"timeout": 4}
    assert outcome.result.ttfb.total == 4
    assert outcome.result.ttfb.max < 150_000
    assert outcome.result.service_time.min >= 199_000


def test_without_a_first_byte_the_time_that_was_given_counts(load: Any) -> None:
    async def silent(_: Any) -> None:
        await asyncio.sleep(60)

    outcome = load(silent, profile={"rate": 20}, seconds=0.2, timeout="200ms")
    assert (outcome.result.ttfb.total, outcome.last.ttfb) == (4, None)
    assert outcome.result.ttfb.min >= 199_000


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_first_bytes_are_counted_as_if_each_had_been_recorded(answers: list[tuple[int, int, int, bool]]) -> None:
    tally, first_bytes = Tally(0, 1), Recording()
    for waited, before, after, parts in answers:
        now = monotonic_ns()
        sent = now - waited - after
        moment = tally.answered(0, sent - before, sent, 100, None, sent + waited if parts else 0)
        first_bytes.record((waited if parts else moment - sent) // 1000)
    whole = Histogram()
    whole.add(tally.service.encode_with(tally.ahead))
    expected = Histogram()
    expected.add(first_bytes.encode())
    assert [whole.percentile(percent) for percent in range(1, 101)] == [
        expected.percentile(percent) for percent in range(1, 101)
    ]


@MODELS
@PLAIN_OR_FLOW
def test_connections_are_counted_and_timed(load: Any, ok: Any, profile: dict[str, int], more: Any) -> None:
    outcome = load(ok, profile=profile, seconds=0.3, **more)
    assert outcome.last.connections == outcome.server.connections == outcome.result.connect.total
    assert 0 < outcome.result.connect.max < 100_000
    assert outcome.last.tls is None


def test_connections_of_the_warm_up_do_not_count(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"users": 2}, warmup=0.2, seconds=0.2)
    assert outcome.server.connections == 2
    assert (outcome.last.connections, outcome.last.connect) == (0, None)


@pytest.mark.parametrize(
    "requests",
    [
        [{"path": "/one"}],
        [{"path": "/one"}, {"path": "/two-or-three", "method": "POST", "text": "body"}],
        [{"path": "/${iteration}"}],
    ],
    ids=["one", "two", "flow"],
)
@MODELS
def test_bytes_sent_are_those_that_the_server_got(
    load: Any, ok: Any, profile: dict[str, int], requests: list[dict[str, Any]]
) -> None:
    outcome = load(ok, profile=profile, seconds=0.3, requests=requests)
    assert outcome.last.bytes_sent == sum(map(len, outcome.server.requests)) > 0


@pytest.mark.parametrize("path", ["/", "/${iteration}"], ids=["plain", "flow"])
def test_bytes_of_requests_that_were_sent_twice_count_twice(load: Any, path: str) -> None:
    async def close_second(exchange: Any) -> None:
        if exchange.number == 1:
            exchange.close()
        else:
            exchange.send(OK)

    outcome = load(close_second, profile={"users": 1}, seconds=0.2, requests=[{"path": path}])
    assert outcome.last.retries > 1
    assert outcome.last.bytes_sent == sum(map(len, outcome.server.requests))


@pytest.mark.parametrize("path", ["/", "/${iteration}"], ids=["plain", "flow"])
def test_and_of_requests_that_were_never_sent_not_at_all(load: Any, ok: Any, unused_port: int, path: str) -> None:
    outcome = load(ok, profile={"users": 2}, seconds=0.2, port=unused_port, requests=[{"path": path}])
    assert outcome.last.requests == outcome.last.errors["connect"]
    assert (outcome.last.bytes_sent, outcome.last.connections) == (0, 0)
