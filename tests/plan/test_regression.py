"""Comparing runs: simulated with fixed seeds, noise that is correlated from second to second and has outliers."""

import math
import random
from collections.abc import Sequence

import pytest

from seatrial.api.baseline import Metric
from seatrial.api.timeline import Window
from seatrial.plan.regression import ERROR, LEAST_WINDOWS, bounded_mean, shift, student

TENTH = math.log(1.1)


def seeded(seed: object) -> random.Random:
    """The same simulation every time."""
    return random.Random(str(seed))  # noqa: S311 - no secret is made of it


def noise(chance: random.Random, seconds: int, correlation: float, spread: float = 0.2) -> list[float]:
    """Logarithms of a quantity of a service that does not change: each like the one before, one in 20 an outlier."""
    state, found = chance.gauss(0, 1), []
    for _ in range(seconds):
        state = correlation * state + math.sqrt(1 - correlation**2) * chance.gauss(0, 1)
        found.append(spread * state + (chance.expovariate(1) if chance.random() < 0.05 else 0.0))
    return found


def difference(chance: random.Random, seconds: int, correlation: float, spread: float = 0.2) -> list[float]:
    pairs = zip(noise(chance, seconds, correlation, spread), noise(chance, seconds, correlation, spread), strict=True)
    return [new - old for old, new in pairs]


def windows(values: Sequence[float], **more: float) -> list[Window]:
    """Windows whose p50 is that."""
    return [
        Window(at=second, seconds=1, requests=100, **{"p50": math.exp(value), **more})
        for second, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("seconds", "correlation"), [(20, 0.0), (20, 0.3), (20, 0.6), (60, 0.0), (60, 0.6), (60, 0.8), (240, 0.8)]
)
def test_an_unchanged_service_is_called_worse_in_one_run_of_a_hundred_at_most(seconds: int, correlation: float) -> None:
    chance = seeded(f"{seconds} {correlation}")
    found = [bounded_mean(difference(chance, seconds, correlation), ERROR)[1] for _ in range(500)]
    assert sum(least is not None and least > TENTH for least in found) <= ERROR * len(found)


@pytest.mark.parametrize("correlation", [0.0, 0.3])
@pytest.mark.parametrize("seconds", [20, 60, 240])
def test_the_bound_itself_is_as_sure_as_it_says(seconds: int, correlation: float) -> None:
    """Where nothing at all is allowed; twice the rate is room for chance in so few trials."""
    chance = seeded(f"{seconds} {correlation}")
    found = [bounded_mean(difference(chance, seconds, correlation), ERROR)[1] for _ in range(500)]
    assert sum(least is not None and least > 0 for least in found) <= 2 * ERROR * len(found)


@pytest.mark.parametrize(
    ("seconds", "spread", "slower", "found_of_100"), [(20, 0.05, 2, 97), (60, 0.2, 1.5, 97), (240, 0.2, 1.25, 97)]
)
def test_a_true_regression_is_found(seconds: int, spread: float, slower: float, found_of_100: int) -> None:
    chance, found = seeded(seconds), 0
    for _ in range(100):
        series = [math.log(slower) + value for value in difference(chance, seconds, 0.3, spread)]
        least = bounded_mean(series, ERROR)[1]
        found += least is not None and least > TENTH
    assert found >= found_of_100


def test_taking_requests_for_independent_would_cry_wolf() -> None:
    """What the effective number is for: with every window taken for independent the bound is wrong far too often."""
    chance, wrong = seeded(1), 0
    for _ in range(300):
        series = difference(chance, 60, 0.8)
        mean = sum(series) / len(series)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in series) / (len(series) - 1))
        wrong += mean - student(1 - ERROR, len(series) - 1) * deviation / math.sqrt(len(series)) > 0
    assert wrong > 5 * ERROR * 300


def test_what_both_runs_have_in_common_takes_no_part() -> None:
    chance = seeded(2)
    ramp = [second / 10 for second in range(60)]
    old = windows([base + value for base, value in zip(ramp, noise(chance, 60, 0, 0.05), strict=True)])
    new = windows([base + value + 0.3 for base, value in zip(ramp, noise(chance, 60, 0, 0.05), strict=True)])
    told = shift(old, new, Metric.P50, ERROR)
    assert told is not None
    assert told.change == pytest.approx(math.expm1(0.3), abs=0.05)
    assert told.least is not None
    assert 0.25 < told.least < told.change


def test_one_bad_second_moves_nothing() -> None:
    chance = seeded(3)
    old, new = noise(chance, 30, 0, 0.02), noise(chance, 30, 0, 0.02)
    new[7] += 5
    told = shift(windows(old), windows(new), Metric.P50, ERROR)
    assert told is not None
    assert abs(told.change) < 0.02


def test_runs_that_are_the_same_differ_by_nothing() -> None:
    same = windows([1.0] * 20, p95=3, p99=4)
    for metric in Metric:
        told = shift(same, same, metric, ERROR)
        assert told is not None
        assert (told.change, told.least, told.windows) == (0, 0, 20)


def test_a_rate_is_worse_when_it_is_less() -> None:
    old = windows([0.0] * 20)
    new = [window.model_copy(update={"requests": 50}) for window in old]
    told = shift(old, new, Metric.RATE, ERROR)
    assert told is not None
    assert (told.before, told.after) == (100, 50)
    assert told.change == pytest.approx(1)


def test_only_windows_at_the_same_time_of_the_same_length_are_compared() -> None:
    old = windows([0.0] * 20)
    lost = [*old[:-1], old[-1].model_copy(update={"seconds": 9})]
    told = shift(old, lost, Metric.P50, ERROR)
    assert told is not None
    assert told.windows == 19
    assert shift(old, old[: LEAST_WINDOWS - 1], Metric.P50, ERROR) is None
    assert shift(old, [window.model_copy(update={"at": window.at + 0.5}) for window in old], Metric.P50, ERROR) is None
    assert shift(old, [window.model_copy(update={"p50": None}) for window in old], Metric.P50, ERROR) is None


def test_rounding_is_no_noise() -> None:
    """Differences in the last bit hang together, and would leave no bound."""
    told = shift(windows([0.1 + 0.2] * 20), windows([0.3 + math.log(1.5)] * 20), Metric.P50, ERROR)
    assert told is not None
    assert told.least == pytest.approx(0.5)


def test_a_series_that_hangs_together_has_no_bound() -> None:
    assert bounded_mean([0.1 * second for second in range(15)], ERROR)[1] is None


@pytest.mark.parametrize(
    ("probability", "freedom", "value"),
    [(0.99, 1, 31.821), (0.99, 2, 6.965), (0.99, 5, 3.365), (0.995, 30, 2.750), (0.95, 120, 1.658)],
)
def test_students_quantiles_are_those_of_the_tables(probability: float, freedom: int, value: float) -> None:
    assert student(probability, freedom) == pytest.approx(value, abs=0.001)
