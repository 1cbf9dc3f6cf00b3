"""Each value is worded so that it cannot be read as another."""

from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.api.status import ServiceState, StepState, ThresholdState, Verdict
from seatrial.report.line import Tone
from seatrial.report.wording import because, between, elapsed, percent, tone_of

NOW = datetime(2026, 11, 22, 10, 0, 10, 700_000, tzinfo=UTC)
START = "2026-11-22T10:00:08Z"


@pytest.mark.parametrize("states", [ServiceState, StepState, ThresholdState, Verdict])
def test_every_state_has_a_tone(states: Any) -> None:
    assert {tone_of(state) for state in states} <= set(Tone)


def test_only_success_looks_like_success() -> None:
    good = {
        str(state)
        for states in (ServiceState, StepState, ThresholdState, Verdict)
        for state in states
        if tone_of(state) is Tone.GOOD
    }
    assert good == {"Healthy", "Completed", "Succeeded", "Passed"}


@pytest.mark.parametrize(
    ("fraction", "words"),
    [(0, "0 %"), (0.000012, "0.0012 %"), (0.015, "1.5 %"), (0.1, "10.0 %"), (0.999, "99.9 %"), (1, "100.0 %")],
)
def test_percentages(fraction: float, words: str) -> None:
    assert percent(fraction) == words


def test_times() -> None:
    assert between(START, "2026-11-22T10:00:08.012Z") == "12ms"
    assert between(START, None, NOW) == "2.7s"
    assert between(START, None) == ""
    assert between(None, START) == ""
    assert elapsed(START, None, NOW) == "2s"
    assert elapsed(START, "2026-11-22T10:00:09.500Z", NOW) == "1.5s"


def test_clocks_that_disagree_give_no_negative_time() -> None:
    ahead = "2026-11-22T10:00:30Z"
    assert between(ahead, START) == "0s"
    assert elapsed(ahead, None, NOW) == "0s"


@pytest.mark.parametrize(
    ("reason", "message", "words"), [("A", "b", "A: b"), ("A", "", "A"), ("", "b", "b"), ("", "", "")]
)
def test_reasons(reason: str, message: str, words: str) -> None:
    assert because(reason, message) == words
