"""Arrivals by chance: their distribution, and that they can be explained afterwards."""

from collections.abc import Iterator
from itertools import pairwise, takewhile
from math import exp, sqrt
from typing import Any

import pytest

from seatrial.api.load import LoadSpec
from seatrial.load.assignment import Assignment, assignment
from seatrial.load.schedule import schedule

SECOND = 1_000_000_000
#: What sqrt(n) times the Kolmogorov-Smirnov statistic of n samples exceeds once in a thousand times.
KS = 1.95


def share(index: int = 0, workers: int = 1, run: str = "a-1", **profile: Any) -> Assignment:
    spec = LoadSpec.model_validate(
        {
            "target": {"service": "web"},
            "workers": workers,
            "profile": {"arrivals": "Poisson", **({} if "stages" in profile else {"duration": "100s"}), **profile},
        }
    )
    return assignment(spec, host="web", port=80, index=index, run=run)


def until(end: int, share: Assignment) -> Iterator[int]:
    return takewhile(lambda moment: moment < end, schedule(share))


def arrivals(*shares: Assignment) -> list[int]:
    return sorted(moment for one in shares for moment in until(one.end, one))


def statistic(samples: list[float]) -> float:
    """sqrt(n) times the greatest distance of the samples' distribution from the uniform one."""
    ordered, n = sorted(samples), len(samples)
    return sqrt(n) * max(max((i + 1) / n - x, x - i / n) for i, x in enumerate(ordered))


def gaps(moments: list[int], rate: float) -> list[float]:
    """Gaps, as what share of an exponential distribution's lies below each."""
    return [1 - exp(-rate * (b - a) / SECOND) for a, b in zip([0, *moments], moments, strict=False)]


@pytest.mark.parametrize("run", ["a-1", "a-2", "b-1", "b-2"])
@pytest.mark.parametrize("workers", [1, 7])
def test_gaps_between_arrivals_of_all_workers_are_exponential(run: str, workers: int) -> None:
    moments = arrivals(*(share(index, workers, run, rate=100) for index in range(workers)))
    assert abs(len(moments) - 10_000) < 4 * 100
    assert statistic(gaps(moments, 100)) < KS
    # None has to do with the one before: half of all pairs are of one kind, within four standard deviations.
    lengths = [b - a for a, b in pairwise(moments)]
    above = [length > 6_931_472 for length in lengths]
    same = sum(a == b for a, b in pairwise(above))
    assert abs(same - len(above) / 2) < 4 * sqrt(len(above)) / 2


def test_constant_gaps_fail_the_same_test() -> None:
    assert statistic(gaps([k * SECOND // 100 for k in range(10_000)], 100)) > KS


def test_a_rate_that_rises_brings_arrivals_in_its_proportion() -> None:
    moments = arrivals(*(share(index, 3, stages=[{"duration": "100s", "rate": 200}]) for index in range(3)))
    assert abs(len(moments) - 10_000) < 4 * 100
    # Up to t the integral has (t / 100 s)² of its whole.
    assert statistic([(moment / (100 * SECOND)) ** 2 for moment in moments]) < KS


def test_no_arrival_comes_where_there_is_no_rate() -> None:
    stages = [{"duration": "1s", "rate": 0}, {"duration": "0s", "rate": 50}, {"duration": "1s", "rate": 50}]
    moments = arrivals(share(stages=stages))
    assert moments
    assert min(moments) >= SECOND


def test_the_same_worker_of_the_same_run_has_the_same_arrivals() -> None:
    first = arrivals(share(1, 2, rate=50))
    assert arrivals(share(1, 2, rate=50)) == first
    assert arrivals(share(0, 2, rate=50)) != first
    assert arrivals(share(1, 2, run="a-2", rate=50)) != first


def test_arrivals_by_chance_are_sent(load: Any, ok: Any) -> None:
    outcome = load(ok, profile={"rate": 400, "arrivals": "Poisson"}, seconds=0.8, run="r")
    due = len(list(until(int(0.8 * SECOND), share(rate=400, run="r"))))
    assert (outcome.last.requests, outcome.last.dropped, outcome.last.errors) == (due, 0, {})
    assert due != 320
