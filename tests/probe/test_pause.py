from datetime import timedelta

import pytest
from tenacity import AsyncRetrying, RetryCallState

from seatrial.probe import pause
from seatrial.probe.pause import JITTER, LEAST, growing


def pauses(longest: timedelta, growth: float, count: int) -> list[float]:
    state = RetryCallState(AsyncRetrying(), None, (), {})
    waits = []
    for attempt in range(1, count + 1):
        state.attempt_number = attempt
        waits.append(growing(longest, growth)(state))
    return waits


@pytest.mark.parametrize(
    ("growth", "least"), [(2.0, [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]), (1.25, [0.05, 0.0625, 0.078125])]
)
def test_they_grow_to_the_longest_with_little_left_to_chance(growth: float, least: list[float]) -> None:
    for waited, bound in zip(pauses(timedelta(seconds=0.5), growth, len(least)), least, strict=True):
        assert bound <= waited <= bound + JITTER


def test_none_is_shorter_than_the_shortest_whatever_is_asked_for() -> None:
    assert min(pauses(timedelta(0), 2.0, 5)) >= LEAST


def test_those_who_began_together_do_not_go_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({growing(timedelta(seconds=1), 2.0)(_first()) for _ in range(20)}) > 1
    monkeypatch.setattr(pause, "JITTER", 0)
    assert len({growing(timedelta(seconds=1), 2.0)(_first()) for _ in range(20)}) == 1


def _first() -> RetryCallState:
    return RetryCallState(AsyncRetrying(), None, (), {})
