"""Whether a run is worse than an earlier one by more than the noise of both.

The hundred thousands of requests of a run are no independent samples: one pause of the service slows thousands of them,
and a test that takes them for independent finds any two runs different. So windows of a second are compared, each with
the window at the same time of the other run, which takes out what both have in common: ramps, stages, warming up. Of
the logarithms of their ratios this is the mean without the least and the greatest fifth, with a lower bound by
Student's t over winsorized variance (J. W. Tukey, D. H. McLaughlin, "Less vulnerable confidence and significance
procedures for location based on a single sample", Sankhya A 25, 1963; K. K. Yuen, Biometrika 61, 1974): one bad second
moves neither.

Neighbouring windows are alike, so there are fewer independent ones than windows: as many as the windows divided by the
time over which the series is correlated (G. V. Bayley, J. M. Hammersley, "The effective number of independent
observations in an autocorrelated time series", Suppl. J. R. Stat. Soc. 8, 1946), of which the greater of two estimates
counts, that of an autoregressive series of the first order and the initial positive sequence of C. J. Geyer
("Practical Markov chain Monte Carlo", Statistical Science 7, 1992), both with the bias of short series taken out
(F. H. C. Marriott, J. A. Pope, Biometrika 41, 1954). The degrees of freedom follow from the squared autocorrelation
(M. S. Bartlett, "On the theoretical specification and sampling properties of autocorrelated time-series", Suppl.
J. R. Stat. Soc. 8, 1946).

A regression counts only if the lower bound lies beyond what is allowed, as canary analysis has it that asks for an
effect and not for significance (Kayenta's judge, with Mann-Whitney bounds). What no test within two runs can know is
how much runs of an unchanged service differ from one another (T. Kalibera, R. Jones, "Rigorous benchmarking in
reasonable time", ISMM 2013): what is allowed must be more than that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from seatrial.api.baseline import Metric
from seatrial.api.timeline import Window

#: Windows that both runs must have in common.
LEAST_WINDOWS = 15

#: Runs of a service that has not changed, of which one at most is called worse; shared among the metrics of a run.
ERROR = 0.01

#: Square of a difference of logarithms that is none: latencies are known to two digits.
_ROUNDING = 1e-12

#: Share of windows at either end that a mean leaves out.
_TRIMMED = 0.2


@dataclass(frozen=True)
class Shift:
    """How one metric has changed.

    Attributes:
        before: Its median over the windows of the earlier run: milliseconds, or requests per second.
        after: The same of this run.
        change: How much worse it is, as a share: 0.1 is 10 % more time, or a rate that would have to grow by 10 %.
        least: Lower bound of it; None if there are too few independent windows for one.
        windows: Windows that were compared.
    """

    before: float
    after: float
    change: float
    least: float | None
    windows: int


def shift(before: Sequence[Window], after: Sequence[Window], metric: Metric, error: float) -> Shift | None:
    """Compares two runs of the same load.

    Args:
        before: Windows of the earlier run.
        after: Windows of this one.
        metric: What is compared.
        error: Probability that ``least`` is more than the true change.

    Returns:
        None if they have too few windows in common.
    """
    known = {window.at: window for window in before}
    pairs = [
        (old, new)
        for window in after
        if (other := known.get(window.at)) is not None
        and abs(window.seconds - other.seconds) <= 0.25 * other.seconds
        and (old := _value(other, metric)) is not None
        and (new := _value(window, metric)) is not None
    ]
    if len(pairs) < LEAST_WINDOWS:
        return None
    worse = [math.log(old / new if metric is Metric.RATE else new / old) for old, new in pairs]
    middle, least = bounded_mean(worse, error)
    return Shift(
        before=_median([old for old, _ in pairs]),
        after=_median([new for _, new in pairs]),
        change=math.expm1(middle),
        least=None if least is None else math.expm1(least),
        windows=len(pairs),
    )


def bounded_mean(series: Sequence[float], error: float) -> tuple[float, float | None]:
    """The trimmed mean of a correlated series, and its lower bound.

    Args:
        series: At least 15 numbers in the order of time.
        error: Probability that the bound is more than what the mean estimates.

    Returns:
        Both; no bound if too few of the numbers are independent.
    """
    number = len(series)
    cut = int(_TRIMMED * number)
    ranked = sorted(series)
    low, high = ranked[cut], ranked[number - 1 - cut]
    mean = math.fsum(ranked[cut : number - cut]) / (number - 2 * cut)
    tamed = [min(max(value, low), high) for value in series]
    centre = math.fsum(tamed) / number
    deviations = [value - centre for value in tamed]
    squares = math.fsum(value * value for value in deviations)
    if squares <= number * _ROUNDING:
        return mean, mean
    span = _correlated_over(deviations, squares)
    independent = number / span
    # A variance is told by more of the numbers than a mean is: by those of the squared autocorrelation.
    square = ((span - 1) / (span + 1)) ** 2
    freedom = int((number - 2 * cut) * (1 - square) / (1 + square)) - 1
    if freedom < 1:
        return mean, None
    # Correlated numbers scatter less about their own mean than about the true one.
    variance = squares / (number - 1) / max(1 - (span - 1) / (number - 1), 0.2)
    spread = math.sqrt(variance / independent) / (1 - 2 * cut / number)
    return mean, mean - student(1 - error, freedom) * spread


def _correlated_over(deviations: Sequence[float], squares: float) -> float:
    """Over how many numbers a series is correlated: the sum of its autocorrelations, at least 1."""
    number = len(deviations)

    def correlation(lag: int) -> float:
        return math.fsum(a * b for a, b in zip(deviations, deviations[lag:], strict=False)) / squares

    first = min(max((correlation(1) * (number - 1) + 1) / (number - 4), 0.0), 0.95)
    regressive = (1 + first) / (1 - first)
    bias = regressive / number
    total, before = -1.0, math.inf
    for lag in range(0, number // 2 - 1, 2):
        pair = (correlation(lag) + bias if lag else 1.0) + correlation(lag + 1) + bias
        if pair <= 0:
            break
        before = min(pair, before)
        total += 2 * before
    return max(regressive, total)


@cache
def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t.

    Args:
        probability: Above one half.
        freedom: Degrees of freedom.
    """
    low, high = 0.0, 1.0
    while _student_below(high, freedom) < probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_below(middle, freedom) < probability else (low, middle)
    return high


def _student_below(value: float, freedom: int) -> float:
    """Probability of less than a positive value (M. Abramowitz, I. A. Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(value / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    total, term = 0.0, cosine if odd else 1.0
    for step in range(odd, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (step + 1) / (step + 2)
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 + within) / 2


def _value(window: Window, metric: Metric) -> float | None:
    value = {Metric.P50: window.p50, Metric.P95: window.p95, Metric.P99: window.p99, Metric.RATE: window.rate}[metric]
    return value or None


def _median(values: Sequence[float]) -> float:
    ranked, half = sorted(values), len(values) // 2
    return ranked[half] if len(values) % 2 else (ranked[half - 1] + ranked[half]) / 2
