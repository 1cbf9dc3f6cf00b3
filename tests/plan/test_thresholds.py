"""Thresholds while load goes on: when one counts as crossed, when one ends the load, and what stays of that."""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.load import LoadSpec
from seatrial.api.status import LoadResult, StepState, ThresholdState
from seatrial.api.threshold import SAMPLES
from seatrial.plan.decision import StopLoad
from seatrial.plan.load import judge_load, newly_aborted, present, stops
from seatrial.plan.observed import JobSeen, LoadSeen, Observed
from tests.plan.situations import at, heard, load_spec, pod

SLOW = {"latency.p99": timedelta(milliseconds=300), "latency.count": 1000, "errors.rate": 0.0}
FAST = {**SLOW, "latency.p99": timedelta(milliseconds=5)}


def spec(**more: Any) -> LoadSpec:
    threshold = {"expr": "latency.p99 < duration('250ms')", **more}
    return load_spec(thresholds=[threshold, {"expr": "errors.rate < 0.01"}])


def live(load: LoadSpec, seen: LoadSeen, before: LoadResult | None = None) -> LoadResult:
    return present(load, seen, before, final=False)


def test_since_when_a_threshold_is_false_is_noted_and_forgotten_when_it_holds_again() -> None:
    first = live(spec(), heard(values=SLOW, measured=3.0))
    assert [(one.state, one.crossed_at) for one in first.thresholds] == [
        (ThresholdState.PENDING, 3.0),
        (ThresholdState.PENDING, None),
    ]
    later = live(spec(), heard(values=SLOW, measured=4.0), first)
    assert later.thresholds[0].crossed_at == 3.0
    assert live(spec(), heard(values=FAST, measured=5.0), later).thresholds[0].crossed_at is None
    assert present(spec(), heard(1, 0, values=SLOW, measured=9.0), later, final=True).thresholds[0].crossed_at == 3.0


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (heard(values=SLOW, measured=0.0), "not every worker measures"),
        (heard(values=SLOW, measured=9.9), "it is not due"),
        (heard(values={}, measured=20.0), "there are no data"),
        (heard(values={**SLOW, "latency.count": 298}, measured=20.0), "there are too few samples"),
        (heard(values=FAST, measured=20.0), "it holds"),
    ],
)
def test_nothing_is_crossed_as_long_as(seen: LoadSeen, why: str) -> None:
    result = live(spec(abortOnFail=True, after="10s"), seen)
    assert (result.aborted_at, result.thresholds[0].crossed_at) == (None, None), why


def test_a_threshold_that_ends_the_load_is_on_record_before_the_workers_stop() -> None:
    load, seen = spec(abortOnFail=True, after="10s"), heard(values=SLOW, measured=12.0)
    result = live(load, seen)
    assert result.aborted_at == 12.0
    assert [one.state for one in result.thresholds] == [ThresholdState.FAILED, ThresholdState.PENDING]
    assert newly_aborted(None, result)
    observed = Observed(jobs={"l": JobSeen()}, loads={"l": seen})
    assert stops("l", None, observed) == ()
    assert stops("l", result, observed) == (StopLoad("l"),)
    assert not newly_aborted(result, live(load, seen, result))


def test_a_load_that_was_ended_stays_so_whatever_comes_afterwards() -> None:
    load = spec(abortOnFail=True)
    aborted = live(load, heard(values=SLOW, measured=12.0))
    again = live(load, heard(values=FAST, measured=13.0), aborted)
    assert (again.aborted_at, again.thresholds[0].state) == (12.0, ThresholdState.FAILED)
    end = present(load, heard(1, 0, values=FAST, measured=13.0), again, final=True)
    assert (end.aborted_at, end.thresholds[0].state, end.thresholds[0].crossed_at) == (12, ThresholdState.FAILED, 12.0)
    assert end.thresholds[1].state is ThresholdState.PASSED
    restarted = present(load, None, again, final=False)
    assert restarted == again


def test_its_verdict_falls_when_the_workers_have_said_their_last() -> None:
    load = spec(abortOnFail=True)
    aborted = live(load, heard(values=SLOW, measured=12.0))

    def judge(now: float = 13, **seen: Any) -> Any:
        return judge_load("l", load, Observed(**seen), at(now), aborted)

    stopping = pod("l", index=0, deleting_since=at(12))
    assert judge(jobs={"l": JobSeen()}) is None
    assert judge(pods=(stopping,)) is None
    told = LoadSeen(LoadResult(workers=1), interrupted=frozenset({0}))
    expected = (
        StepState.FAILED,
        "ThresholdMissed",
        "aborted at 12s: latency.p99 < duration('250ms') is false: latency.p99 = 300ms",
    )
    for outcome in (judge(), judge(pods=(stopping,), loads={"l": told}), judge(22, pods=(stopping,))):
        assert (outcome.state, outcome.reason, outcome.message) == expected


@pytest.mark.parametrize("quantile", SAMPLES)
def test_a_quantile_of_too_few_samples_proves_nothing(quantile: str) -> None:
    load = load_spec(thresholds=[{"expr": f"latency.{quantile} < duration('1s')"}])

    def judged(count: int) -> Any:
        values = {f"latency.{quantile}": timedelta(milliseconds=5), "latency.count": count}
        return judge_load("l", load, Observed(loads={"l": heard(1, 0, values=values)}), at(1))

    few, enough = judged(SAMPLES[quantile] - 1), judged(SAMPLES[quantile])
    assert (few.state, few.reason) == (StepState.INCONCLUSIVE, "TooFewSamples")
    assert f"{SAMPLES[quantile]} are needed" in few.message
    assert enough.state is StepState.SUCCEEDED
