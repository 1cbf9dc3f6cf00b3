"""What a comparison asks for, and what is refused before a run."""

from typing import Any

import pytest

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.validation import InvalidSpec, read


def spec(**more: Any) -> dict[str, Any]:
    return {"target": {"service": "web"}, "profile": {"rate": 10, "duration": "20s"}, **more}


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0%", 0), ("2.5%", 0.025), ("150%", 1.5)])
def test_what_is_allowed_is_a_percentage(text: str, share: float) -> None:
    read_spec = read(LoadTestSpec, spec(baseline={"maxRegression": text}))
    assert read_spec.baseline is not None
    assert read_spec.baseline.allowed == pytest.approx(share)
    assert [metric.value for metric in read_spec.baseline.metrics] == ["latency.p50", "latency.p95"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxRegression": "10"},
        {"maxRegression": "-1%"},
        {"maxRegression": "10%", "metrics": ["latency.max"]},
        {"maxRegression": "10%", "metrics": []},
        {"maxRegression": "10%", "metrics": ["latency.p50", "latency.p50"]},
        {"maxRegression": "10%", "of": "the first"},
        {},
    ],
)
def test_mistakes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.baseline"):
        read(LoadTestSpec, spec(baseline=wrong))


@pytest.mark.parametrize(
    "profile",
    [
        {"rate": 10, "duration": "19s"},
        {"rate": 10, "duration": "19s", "warmup": "10s"},
        {"warmup": "5s", "stages": [{"rate": 10, "duration": "24s"}]},
    ],
)
def test_a_load_that_is_too_short_to_compare_is_refused(profile: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec, match="20s or more"):
        read(LoadTestSpec, spec(profile=profile, baseline={"maxRegression": "10%"}))


def test_what_judges_a_load_or_starts_it_is_no_part_of_it() -> None:
    plain = read(LoadTestSpec, spec()).load_hash
    for same in (
        {"baseline": {"maxRegression": "10%"}},
        {"thresholds": [{"expr": "errors.rate < 0.1"}]},
        {"run": "again"},
        {"timeouts": {"start": "1m"}},
        {"history": 3, "suspend": True},
        {"workers": 1},
    ):
        assert read(LoadTestSpec, spec(**same)).load_hash == plain
    for other in (
        {"requests": [{"path": "/x"}]},
        {"workers": 2},
        {"profile": {"rate": 11, "duration": "20s"}},
        {"target": {"service": "other"}},
    ):
        assert read(LoadTestSpec, spec(**other)).load_hash != plain
