"""The open model against a real server."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_the_number_of_arrivals_is_exact(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"rate": 400}, warmup=0.25, seconds=0.5)
    assert outcome.done
    assert (outcome.last.requests, outcome.last.ended, len(outcome.server.requests)) == (200, 300, 300)
    assert (outcome.last.errors, outcome.last.dropped) == ({}, 0)
    assert outcome.result.achieved_rate == pytest.approx(400, rel=0.05)
    assert outcome.result.latency.total == outcome.result.service_time.total == 200


def test_arrivals_do_not_wait_for_answers(load: Any) -> None:
    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.3)
        exchange.send(OK)

    outcome = load(slow, profile={"rate": 100}, seconds=0.5)
    assert outcome.last.requests == 50
    assert outcome.last.in_flight_max >= 25
    assert outcome.server.connections == outcome.last.in_flight_max
    assert outcome.last.lag_p99 < 300_000


def test_a_stalled_server_shows_in_the_latency_from_the_intended_start_alone(load: Any) -> None:
    """One stall of 500 ms in a second: by arithmetic half of all arrivals meet it, with 0 to 500 ms left of it."""
    begin, stalled = 0.0, False

    async def stall(exchange: Any) -> None:
        nonlocal begin, stalled
        now = time.monotonic()
        begin = begin or now
        # Blocks the loop and with it generator and server alike: the hardest case for an honest generator.
        if now - begin >= 0.25 and not stalled:
            stalled = True
            time.sleep(0.5)  # noqa: ASYNC251 - the stall that is tested
        exchange.send(OK)

    outcome = load(stall, profile={"rate": 200}, seconds=1.0)
    assert outcome.last.requests == 200
    latency, service = outcome.result.latency, outcome.result.service_time
    # The 99th percentile lies 2 of 200 arrivals below the longest wait, which is the whole stall.
    assert latency.max >= 450_000
    assert latency.percentile(99) >= 400_000
    assert latency.percentile(75) >= 120_000
    assert service.percentile(75) < latency.percentile(75) / 2
    assert outcome.last.lag_max >= 350_000


def test_a_server_that_is_slow_shows_in_both(load: Any) -> None:
    stalled_until = 0.0

    async def stall(exchange: Any) -> None:
        nonlocal stalled_until
        stalled_until = stalled_until or time.monotonic() + 0.5
        await asyncio.sleep(max(stalled_until - time.monotonic(), 0))
        exchange.send(OK)

    outcome = load(stall, profile={"rate": 100}, seconds=1.0)
    assert outcome.last.requests == 100
    assert outcome.last.errors == {}
    for histogram in (outcome.result.latency, outcome.result.service_time):
        assert 450_000 <= histogram.percentile(99) < 2_000_000
    assert outcome.result.latency.percentile(25) < 400_000 or outcome.last.loop_lag_max > 100_000


def test_arrivals_beyond_the_limit_are_dropped_and_counted(load: Any) -> None:
    async def never(_: Any) -> None:
        await asyncio.sleep(60)

    outcome = load(never, profile={"rate": 200, "maxInFlight": 10}, warmup=0.1, seconds=0.5)
    # All ten places are taken in the warm-up, for longer than the load lasts.
    assert (outcome.last.requests, outcome.last.dropped) == (0, 100)
    assert outcome.last.in_flight_max == 10
    assert len(outcome.server.requests) == 10


def test_what_cannot_be_sent_in_time_is_dropped_so_that_the_load_ends(load: Any) -> None:
    async def block(exchange: Any) -> None:
        # The generator shares the loop and cannot send either, until long after the end.
        time.sleep(1.5)  # noqa: ASYNC251 - what is tested
        exchange.send(OK)

    outcome = load(block, profile={"rate": 100}, seconds=0.3, timeout="5s")
    assert outcome.done
    assert outcome.last.requests + outcome.last.dropped == 30
    assert outcome.last.dropped >= 25
    assert outcome.result.achieved_rate < 20


def test_a_connection_is_used_again(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"rate": 100}, seconds=0.5)
    assert outcome.server.connections < 25


def test_all_of_two_workers_mix_by_weight_exactly(load: Any, ok: Any) -> None:
    outcome = load(
        ok, profile={"rate": 400}, seconds=0.5, requests=[{"path": "/a", "weight": 3}, {"path": "/b", "weight": 2}]
    )
    seen = Counter(request.split()[1] for request in outcome.server.requests)
    assert seen == {b"/a": 120, b"/b": 80}
    assert [entry.requests for entry in outcome.last.by_request] == [120, 80]


def test_an_idle_connection_that_the_server_closes_is_no_error(load: Any) -> None:
    async def bored(exchange: Any) -> None:
        exchange.send(OK)
        await exchange.writer.drain()
        exchange.close()

    outcome = load(bored, profile={"rate": 50}, seconds=0.5)
    assert outcome.last.errors == {}
    assert outcome.last.requests == 25


def test_a_word_that_nobody_asked_for_is_no_answer(load: Any) -> None:
    async def talkative(exchange: Any) -> None:
        exchange.send(OK)
        await asyncio.sleep(0.005)
        exchange.send(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        exchange.close()

    outcome = load(talkative, profile={"rate": 20}, seconds=0.5)
    assert outcome.last.requests == 10
    assert outcome.last.errors == {}


def test_thousands_of_arrivals_a_second_are_all_sent(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"rate": 2000}, seconds=0.5, timeout="5s")
    assert outcome.last.requests + outcome.last.dropped == 1000
    assert outcome.last.errors == {}


def test_stopped_early_it_says_so(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"rate": 100}, seconds=60, stop_after=0.3)
    assert not outcome.done
    assert (outcome.last.state, outcome.last.interrupted) == ("interrupted", True)
    assert outcome.last.requests > 0


def test_stages_are_followed_and_their_mean_is_what_was_asked_for(load: Any, ok: Any) -> None:
    stages = [{"duration": "400ms", "rate": 200}, {"duration": "800ms", "rate": 200}, {"duration": "400ms", "rate": 0}]
    outcome = load(ok, profile={"stages": stages, "warmup": "400ms"})
    assert outcome.done
    # 40 while the rate rises, which is the warm-up, 160 at 200 a second, 40 while it falls.
    assert (outcome.last.ended, outcome.last.requests, outcome.last.measured) == (240, 200, 1.2)
    assert outcome.result.requested_rate == pytest.approx(200 / 1.2)
    assert outcome.result.achieved_rate == pytest.approx(200 / 1.2)


def test_a_load_that_ends_without_a_rate_lasts_to_its_end(load: Any, ok: Any) -> None:
    stages = [{"duration": "500ms", "rate": 20}, {"duration": "0s", "rate": 0}, {"duration": "500ms", "rate": 0}]
    outcome = load(ok, profile={"rate": 20, "stages": stages})
    assert (outcome.last.requests, outcome.last.measured, outcome.result.requested_rate) == (10, 1.0, 10.0)


def test_iterations_end_the_load_with_the_rate_that_was_asked_for(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"rate": 100, "duration": "30s", "warmup": "205ms", "iterations": 40})
    # 21 arrivals are due in the warm-up, the 62nd would be at 610 ms.
    assert (outcome.done, outcome.last.requests, outcome.last.ended) == (True, 40, 61)
    assert outcome.last.measured == pytest.approx(0.405)
    assert outcome.result.achieved_rate == pytest.approx(100, rel=0.02)
    assert outcome.result.iterations == 40


def test_iterations_by_chance_are_exact_too(load: Any, ok: Any) -> None:
    profile = {"rate": 100, "arrivals": "Poisson", "duration": "30s", "warmup": "100ms", "iterations": 40}
    outcome = load(ok, profile=profile)
    assert (outcome.done, outcome.last.requests) == (True, 40)
    assert 0.1 < outcome.last.measured < 2


def test_a_graceful_stop_bounds_the_wait_in_the_open_model(load: Any) -> None:
    async def never(_: Any) -> None:
        await asyncio.sleep(60)

    outcome = load(never, profile={"rate": 50, "gracefulStop": "100ms"}, seconds=0.4, timeout="20s")
    assert (outcome.done, outcome.last.requests, outcome.last.errors) == (True, 20, {"unanswered": 20})
    assert outcome.last.t < 5
