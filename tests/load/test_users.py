"""The closed model against a real server."""

import asyncio
import time
from collections import Counter
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def answer_in_20_ms(exchange: Any) -> None:
    await asyncio.sleep(0.02)
    exchange.send(OK)


def test_each_user_has_one_connection_and_one_request_at_a_time(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 5}, seconds=0.5)
    assert outcome.done
    assert outcome.server.connections == 5
    # 25 turns of 20 ms; a busy machine makes fewer, nothing makes more.
    assert 5 * 5 <= outcome.last.requests <= 5 * 26
    assert (outcome.last.in_flight_max, outcome.last.errors, outcome.last.in_flight) == (5, {}, 0)
    assert outcome.result.latency.min >= 19_000
    assert outcome.last.bytes == len(OK) * outcome.last.requests


def test_what_is_reported_is_what_the_server_has_seen(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"users": 3}, seconds=0.3)
    assert outcome.last.requests == outcome.last.ended == len(outcome.server.requests)
    assert outcome.result.latency.total == outcome.result.service_time.total == outcome.last.requests


def test_the_warm_up_is_sent_but_not_measured(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 2}, warmup=0.4, seconds=0.2)
    assert outcome.last.ended == len(outcome.server.requests)
    assert 0 < outcome.last.requests < outcome.last.ended / 2
    assert outcome.last.measured == 0.2
    assert outcome.result.latency.total == outcome.last.requests


def test_the_unanswered_at_the_end_are_waited_for_and_count(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.5)
        exchange.send(OK)

    outcome = load(slow, profile={"users": 4}, seconds=0.2)
    assert (outcome.last.requests, outcome.last.errors, outcome.last.measured) == (4, {}, 0.2)
    assert outcome.result.latency.min >= 490_000


def test_requests_are_mixed_by_weight(load: Any, ok: Any) -> None:
    outcome = load(
        ok, profile={"users": 1}, seconds=0.2, requests=[{"path": "/a", "weight": 3}, {"path": "/b", "weight": 1}]
    )
    seen = Counter(request.split()[1] for request in outcome.server.requests)
    assert abs(seen[b"/a"] - 3 * seen[b"/b"]) <= 3
    assert [entry.requests for entry in outcome.last.by_request] == [seen[b"/a"], seen[b"/b"]]
    assert [outcome.result.latency_of(n).total for n in (0, 1)] == [seen[b"/a"], seen[b"/b"]]


def test_a_connection_that_closes_after_each_answer_is_opened_anew(load: Any) -> None:
    async def close(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        exchange.close()

    outcome = load(close, profile={"users": 2}, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.last.requests == outcome.server.connections > 2


def test_a_body_that_ends_with_the_connection_is_an_answer(load: Any) -> None:
    async def stream(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nas long as it lasts")
        exchange.close()

    outcome = load(stream, profile={"users": 1}, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.last.requests == outcome.server.connections > 1


def test_every_way_to_delimit_an_answer_is_understood(load: Any) -> None:
    answers = [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    ]

    async def each(exchange: Any) -> None:
        exchange.send(answers[exchange.number % len(answers)])

    outcome = load(each, profile={"users": 1}, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.server.connections == 1
    assert outcome.last.requests == len(outcome.server.requests) > len(answers)
    assert outcome.last.bytes == sum(len(answers[n % len(answers)]) for n in range(outcome.last.requests))


def test_the_same_headers_before_a_body_that_comes_later(load: Any) -> None:
    async def late(exchange: Any) -> None:
        if exchange.number % 2:
            exchange.send(OK[:-5])
            await asyncio.sleep(0.01)
            exchange.send(OK[-5:])
        else:
            exchange.send(OK)

    outcome = load(late, profile={"users": 1}, seconds=0.3)
    assert outcome.last.errors == {}
    assert outcome.last.bytes == len(OK) * outcome.last.requests
    assert outcome.last.requests == len(outcome.server.requests) > 4


def test_a_large_body_is_counted_and_thrown_away(load: Any) -> None:
    async def large(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000))
        await exchange.writer.drain()

    outcome = load(large, profile={"users": 1}, seconds=0.2)
    assert outcome.last.errors == {}
    assert outcome.last.bytes == outcome.last.requests * 3_000_044


def test_heads_are_answered_without_a_body(load: Any) -> None:
    async def head(exchange: Any) -> None:
        assert exchange.head.startswith(b"HEAD ")
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")

    outcome = load(head, profile={"users": 1}, seconds=0.1, requests=[{"method": "HEAD"}])
    assert outcome.last.errors == {}
    assert outcome.server.connections == 1
    assert outcome.last.requests == len(outcome.server.requests) > 1


def test_a_body_arrives_as_it_was_written(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"users": 1}, seconds=0.05, requests=[{"method": "POST", "json": {"n": [1, "é"]}}])
    assert all(request.endswith('\r\n\r\n{"n":[1,"é"]}'.encode()) for request in outcome.server.requests)


def test_a_name_is_resolved(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"users": 2}, seconds=0.1, host="localhost")
    assert outcome.last.errors == {}
    assert outcome.last.requests > 0


def test_stopped_early_it_says_so(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 2}, seconds=60, stop_after=0.3)
    assert not outcome.done
    assert (outcome.last.state, outcome.last.final, outcome.last.interrupted) == ("interrupted", False, True)
    assert 0 < outcome.last.measured < 30
    assert outcome.last.requests > 0


def test_a_line_comes_every_second_and_each_holds_all_before(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 2}, seconds=2.1)
    assert [line.state for line in outcome.lines] == ["running", "running", "final"]
    assert [line.seq for line in outcome.lines] == [0, 1, 2]
    assert [line.final for line in outcome.lines] == [False, False, True]
    requests = [line.requests for line in outcome.lines]
    assert requests == sorted(requests)
    assert requests[0] > 0
    assert all(line.per_second > 0 for line in outcome.lines)
    assert all(0 < line.cpu <= line.cpu_max for line in outcome.lines)


def test_heads_and_gets_take_turns_on_one_connection(load: Any) -> None:
    async def both(exchange: Any) -> None:
        # A header block that is never the same, so that each is parsed.
        header = b"HTTP/1.1 200 OK\r\nX: %d\r\nContent-Length: 5\r\n\r\n" % exchange.number
        exchange.send(header if exchange.head.startswith(b"HEAD") else header + b"hello")

    outcome = load(both, profile={"users": 1}, seconds=0.2, requests=[{"method": "HEAD"}, {"method": "GET"}])
    assert outcome.last.errors == {}
    assert outcome.server.connections == 1
    assert outcome.last.requests == len(outcome.server.requests) > 3


def test_users_come_and_go_with_the_stages(load: Any) -> None:
    stages = [
        *({"duration": "400ms", "users": 4}, {"duration": "300ms", "users": 4}),
        *({"duration": "400ms", "users": 0}, {"duration": "200ms", "users": 0}),
        *({"duration": "0s", "users": 2}, {"duration": "200ms", "users": 2}),
    ]
    present: list[tuple[float, int]] = []
    begin = 0.0
    now = 0

    async def answer(exchange: Any) -> None:
        nonlocal begin, now
        now += 1
        begin = begin or time.monotonic() - 0.1  # the first user comes then
        present.append((time.monotonic() - begin, now))
        await asyncio.sleep(0.02)
        now -= 1
        exchange.send(OK)

    outcome = load(answer, profile={"stages": stages})
    assert outcome.done
    assert (outcome.last.in_flight_max, outcome.last.errors, outcome.last.measured) == (4, {}, 1.5)
    # Whoever comes in the place of one that has gone is a new user.
    assert outcome.server.connections == 6
    for first, last, most in ((0.0, 0.18, 1), (0.45, 0.65, 4), (0.96, 1.0, 2), (1.35, 1.5, 2)):
        assert max(count for moment, count in present if first <= moment <= last) == most
    assert not [moment for moment, _ in present if 1.13 < moment < 1.27]


def test_iterations_end_the_load_when_all_are_done(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 4, "duration": "30s", "iterations": 50})
    assert (outcome.done, outcome.last.state) == (True, "final")
    assert len(outcome.server.requests) == outcome.last.requests == outcome.result.iterations == 50
    # The time is that until the last answer.
    assert 0.25 <= outcome.last.measured < 5
    assert outcome.result.achieved_rate == 50 / outcome.last.measured


def test_iterations_are_those_after_the_warm_up(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 2, "duration": "30s", "warmup": "300ms", "iterations": 20})
    assert outcome.last.requests == 20
    assert outcome.last.ended == len(outcome.server.requests) > 20


def test_iterations_that_fail_are_done_too(load: Any, unused_port: int) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 2, "duration": "30s", "iterations": 7}, port=unused_port)
    assert (outcome.last.requests, outcome.last.errors, outcome.done) == (7, {"connect": 7}, True)


def test_the_duration_bounds_the_iterations(load: Any) -> None:
    outcome = load(answer_in_20_ms, profile={"users": 1, "duration": "1s", "iterations": 1000})
    assert outcome.done
    assert outcome.result.iterations == outcome.last.requests < 60
    assert outcome.last.measured == 1.0


def test_the_unanswered_are_given_up_after_the_graceful_stop_and_count_as_that(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.3 if exchange.connection % 2 else 30)
        exchange.send(OK)

    outcome = load(slow, profile={"users": 4, "gracefulStop": "300ms"}, seconds=0.2, timeout="20s")
    assert (outcome.done, outcome.last.requests, outcome.last.errors) == (True, 4, {"unanswered": 2})
    # Of those given up the time that they had is in the latency, as of those that timed out.
    assert outcome.result.latency.total == 4
    assert 475_000 <= outcome.result.latency.max < 5_000_000
    assert outcome.last.measured == 0.2


def test_without_a_graceful_stop_nothing_is_waited_for(load: Any) -> None:
    async def never(_: Any) -> None:
        await asyncio.sleep(60)

    outcome = load(never, profile={"users": 3, "gracefulStop": "0s"}, seconds=0.2, timeout="20s")
    assert (outcome.done, outcome.last.errors) == (True, {"unanswered": 3})
    assert outcome.last.t < 5
