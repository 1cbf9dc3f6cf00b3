"""What a profile may say, and what it comes to."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.api.profile import Profile


def profile(**fields: Any) -> Profile:
    return Profile.model_validate(fields)


def stages(kind: str, *levels: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"duration": duration, kind: level} for duration, level in levels]


def test_of_one_level() -> None:
    given = profile(rate=10, duration="2m", warmup="10s")
    assert (given.open, given.start, given.peak) == (True, 10, 10)
    assert (given.length, given.measured) == (timedelta(seconds=130), timedelta(seconds=120))
    assert not given.idle


def test_of_stages_the_warm_up_is_the_first_part() -> None:
    given = profile(users=3, stages=stages("users", ("10s", 50), ("1m", 20)), warmup="10s")
    assert (given.open, given.start, given.peak) == (False, 3, 50)
    assert (given.length, given.measured) == (timedelta(seconds=70), timedelta(seconds=60))


@pytest.mark.parametrize(
    ("users", "levels", "first"),
    [
        (3, [("10s", 50)], 0),
        (None, [("10s", 10)], 2),
        (1, [("4s", 1), ("10s", 11)], 5),
        (None, [("3s", 0), ("0s", 5)], 3),
        (None, [("3s", 1), ("4s", 0)], 7),
    ],
)
def test_when_a_level_is_reached(users: int | None, levels: list[tuple[str, int]], first: float) -> None:
    assert profile(users=users, stages=stages("users", *levels)).reached(2) == timedelta(seconds=first)


def test_one_level_is_reached_at_once() -> None:
    assert profile(users=1, duration="1s").reached(2) == timedelta()


@pytest.mark.parametrize(
    ("levels", "idle"),
    [
        ([("2s", 5), ("2s", 0)], False),
        ([("1s", 5), ("0s", 0), ("3s", 0)], True),
        ([("4s", 0), ("0s", 5)], True),
        ([("2s", 0), ("0s", 5), ("2s", 0)], False),
        ([("2s", 0), ("2s", 1)], False),
    ],
)
def test_a_profile_that_sends_nothing_after_its_warm_up(levels: list[tuple[str, int]], idle: bool) -> None:
    assert profile(stages=stages("rate", *levels), warmup="1s").idle is idle


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ({"rate": 10}, 100),
        ({"rate": 500}, 1000),
        ({"rate": 90_000}, 20_000),
        ({"rate": 90_000, "maxInFlight": 7}, 7),
    ],
)
def test_the_default_limit_of_unanswered_requests(given: dict[str, int], limit: int) -> None:
    assert profile(duration="1s", **given).in_flight_limit == limit


def test_with_stages_the_limit_follows_from_the_highest_rate() -> None:
    assert profile(stages=stages("rate", ("1s", 300), ("1s", 20))).in_flight_limit == 600


def test_of_a_script_may_leave_it_to_that_how_much_load_there_is() -> None:
    given = profile(duration="1s")
    assert (given.scripted, given.open, given.peak) == (True, False, 0)
    assert not profile(duration="1s", users=1).scripted


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"duration": "1s", "rate": 1, "users": 1}, "give one of rate (open model) and users (closed model)"),
        ({"rate": 1}, "give one of duration and stages"),
        ({"duration": "1s", "stages": stages("rate", ("1s", 1))}, "give one of duration and stages"),
        ({"stages": [{"duration": "1s"}]}, "stages must all have rate"),
        ({"stages": [{"duration": "1s", "rate": 1, "users": 1}]}, "stages must all have rate"),
        ({"stages": stages("rate", ("1s", 1)) + stages("users", ("1s", 1))}, "stages must all have rate"),
        ({"rate": 1, "stages": stages("users", ("1s", 1))}, "stages must all have rate"),
        ({"users": 1, "stages": stages("rate", ("1s", 1))}, "stages must all have rate"),
        ({"stages": stages("rate", ("1s", 1), ("999ms", 1)), "warmup": "1s"}, "at least 1s longer than warmup"),
        ({"stages": stages("rate", ("23h", 1), ("61m", 1))}, "stages must last at most 24h"),
        ({"stages": stages("users", ("1s", 1)), "maxInFlight": 5}, "maxInFlight belongs to the open model"),
        ({"users": 1, "duration": "1s", "arrivals": "Poisson"}, "arrivals by chance belong to the open model"),
        ({"rate": 1, "duration": "999ms"}, "duration must be from 1s to 24h"),
    ],
)
def test_what_contradicts_itself_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as error:
        profile(**given)
    assert told in str(error.value)
