"""Levels over time, against rational arithmetic."""

from datetime import timedelta
from fractions import Fraction
from itertools import takewhile
from math import ceil, floor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.profile import Profile
from seatrial.load.ramp import Ramp

SECOND = 1_000_000_000


def ramp(*stages: tuple[str, int], kind: str = "rate", start: int = 0) -> Ramp:
    profile: dict[str, Any] = {"stages": [{"duration": duration, kind: level} for duration, level in stages]}
    return Ramp.of(Profile.model_validate(profile | ({kind: start} if start else {})))


@st.composite
def ramps(draw: st.DrawFn, kind: str, highest: int) -> Ramp:
    stages = draw(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, highest)), max_size=5))
    return ramp(
        *((f"{length}ms", level) for length, level in stages),
        ("1s", draw(st.integers(0, highest))),
        kind=kind,
        start=draw(st.integers(0, highest)),
    )


def level(of: Ramp, moment: int) -> Fraction:
    """The level at a moment; at a jump the one after it."""
    leg = next(leg for leg in reversed(of.legs) if leg.start <= moment)
    if not leg.length:
        return Fraction(leg.after)
    return leg.before + Fraction((leg.after - leg.before) * (moment - leg.start), leg.length)


def integral(of: Ramp, moment: int) -> Fraction:
    """How many arrivals there should have been."""
    total = Fraction(0)
    for leg in of.legs:
        elapsed = min(max(moment - leg.start, 0), leg.length)
        if elapsed:
            end = leg.before + Fraction((leg.after - leg.before) * elapsed, leg.length)
            total += (leg.before + end) * elapsed / 2 / SECOND
    return total


@given(ramps("rate", 300), st.integers(1, 5))
def test_arrivals_are_the_integral_of_the_rate_inverted_to_the_nanosecond(of: Ramp, workers: int) -> None:
    arrivals = []
    for index in range(workers):
        number = index
        while (moment := of.arrival(number)) < of.end:
            arrivals.append((moment, number))
            number += workers
    arrivals.sort()
    assert [number for _, number in arrivals] == list(range(len(arrivals)))
    assert len(arrivals) == ceil(integral(of, of.end))
    for moment, number in arrivals:
        assert integral(of, moment) <= number < integral(of, moment + 1)


def test_known_arrivals() -> None:
    # From 0 to 8 a second in 2 s: 8 arrivals, number k where 2 t² = k.
    first = ramp(("2s", 8), ("0s", 2), ("1s", 2), ("3s", 0), ("0s", 1), ("1s", 1))
    moments = [first.arrival(k) / SECOND for k in range(14)]
    assert [round(moment, 6) for moment in moments[:8]] == [round((k / 2) ** 0.5, 6) for k in range(8)]
    assert moments[8:10] == [2.0, 2.5]
    # 3 more while the rate falls from 2 to 0, and the next one when there is a rate again.
    assert [round(moment, 6) for moment in moments[10:13]] == [3.0, round(6 - 3**0.5 * 2**0.5, 6), round(6 - 3**0.5, 6)]
    assert moments[13] == 6.0
    assert first.arrival(14) == first.end == 7 * SECOND


def test_a_ramp_does_not_drift_in_a_day() -> None:
    day = ramp(("12h", 1_000_000), ("12h", 0))
    total = 43_200 * 1_000_000
    assert day.arrival(total // 2) == day.end // 2
    assert day.arrival(total) == day.end
    last = day.arrival(total - 1)
    assert integral(day, last) <= total - 1 < integral(day, last + 1)


@given(ramps("users", 40), st.integers(1, 5), st.lists(st.integers(0, 12_000_000_000), max_size=20))
def test_users_follow_the_line_and_are_shared_out_exactly(of: Ramp, workers: int, moments: list[int]) -> None:
    steps = [list(of.users(index, workers)) for index in range(workers)]
    for each in steps:
        assert [when for when, _ in each] == sorted(when for when, _ in each)
    for moment in moments:
        counts = [list(takewhile(lambda step: step[0] <= moment, each))[-1][1] for each in steps]  # noqa: B023 - used at once
        here = level(of, min(moment, of.end))
        assert floor(here) <= sum(counts) <= ceil(here) or moment >= of.end
        assert max(counts) - min(counts) <= 1


def test_users_come_when_the_level_includes_them_and_go_when_it_does_not() -> None:
    steps = list(ramp(("3s", 3), ("1s", 3), ("3s", 0), kind="users").users(0, 1))
    assert [(when / SECOND, count) for when, count in steps] == [
        *((0.0, 0), (1.0, 1), (2.0, 2), (3.0, 3)),
        *((5.0, 2), (6.0, 1), (7.0, 0)),
    ]


def test_a_jump_changes_all_at_once() -> None:
    steps = list(ramp(("0s", 1000), ("1s", 1000), ("0s", 10), ("1s", 10), kind="users", start=4).users(0, 2))
    assert steps == [(0, 2), (0, 500), (SECOND, 5)]


@given(ramps("rate", 1000), st.integers(0, 2 * SECOND), st.integers(1, 2 * SECOND))
def test_the_mean_is_that_of_the_integral(of: Ramp, since: int, length: int) -> None:
    until = min(since + length, of.end)
    since = min(since, until - 1)
    exact = (integral(of, until) - integral(of, since)) / (until - since) * SECOND
    assert abs(of.mean(since, until) - exact) < 0.001


@given(ramps("rate", 300), st.integers(0, 12_000_000_000))
def test_as_many_are_due_before_a_moment_as_the_integral_says(of: Ramp, moment: int) -> None:
    until = min(moment, of.end)
    assert of.count(until) == ceil(integral(of, until))
    assert Ramp.of(Profile(rate=7, duration=timedelta(seconds=9))).count(moment) == ceil(Fraction(7 * moment, SECOND))
