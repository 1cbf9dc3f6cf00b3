"""Durations read and write as Kubernetes has them, without losing anything on the way."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.duration import parse, spec_text, text
from seatrial.api.step import Eventually

SECONDS_A_MONTH = 30 * 24 * 3600


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("1h30m", 5400), ("1.5s", 1.5), ("0s", 0), ("1h1m1s1ms", 3661.001)],
)
def test_what_kubernetes_writes_is_read(written: str, seconds: float) -> None:
    assert parse(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("wrong", ["", "5", "5 s", "-5s", "5d", "s", "1e3s", "5us", "5s\n", ".5s", "五s"])
def test_what_is_no_duration_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write for example 250ms, 90s or 1h30m") as raised:
        parse(wrong)
    assert repr(wrong) in str(raised.value)


@pytest.mark.parametrize("long", ["721h", "9" * 30 + "s", "9" * 400 + "h", "720h1ms"])
def test_more_than_a_month_is_refused(long: str) -> None:
    with pytest.raises(ValueError, match="longer than 30 days"):
        parse(long)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(seconds=SECONDS_A_MONTH)))
def test_writing_a_duration_loses_nothing(duration: timedelta) -> None:
    assert parse(spec_text(duration)) == duration


@given(st.text(max_size=20) | st.from_regex(r"([0-9]{1,6}(\.[0-9]{1,9})?(ms|s|m|h)){1,4}", fullmatch=True))
def test_any_text_is_read_or_refused(given_text: str) -> None:
    try:
        duration = parse(given_text)
    except ValueError:
        return
    assert timedelta(0) <= duration <= timedelta(days=30)
    assert parse(spec_text(duration)) == duration


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (0, "0s"),
        (870, "870µs"),
        (12_340, "12.34ms"),
        (250_000, "250ms"),
        (1_500_000, "1.5s"),
        (60_000_000, "1m"),
        (120_000_000, "2m"),
        (3_661_000_000, "1h1m1s"),
        (7_200_000_000, "2h"),
    ],
)
def test_people_read_the_units_they_would_choose(microseconds: int, shown: str) -> None:
    assert text(timedelta(microseconds=microseconds)) == shown


def test_models_read_texts_and_timedeltas_and_write_texts() -> None:
    assert Eventually.model_validate({"timeout": "1m", "interval": timedelta(milliseconds=1.5)}).to_kubernetes() == {
        "timeout": "60s",
        "interval": "1.500ms",
    }
    with pytest.raises(ValueError, match="5 is not a duration: write for example"):
        Eventually.model_validate({"timeout": 5})
