"""The values of a merged result that thresholds judge."""

from collections.abc import Collection
from datetime import timedelta

from seatrial.api.threshold import QUANTILES, of_request
from seatrial.load.histogram import Histogram
from seatrial.load.statistics import Merged

#: Times that take a histogram of their own to be read, and are only where somebody asks for them.
_TIMES = ("ttfb", "connect", "tls")


def threshold_values(
    result: Merged, requests: Collection[int] = (), times: Collection[str] = _TIMES
) -> dict[str, object]:
    """Returns the values that a threshold's expression may name.

    Args:
        result: The merged result.
        requests: Places of the requests that thresholds name.
        times: Which of ``ttfb``, ``connect`` and ``tls`` they name.

    Returns:
        By dotted name: ``latency.``, ``serviceTime.``, ``ttfb.``, ``connect.`` and ``tls.`` with ``count`` (int),
        ``min``, ``mean``, ``p50``, ``p75``, ``p90``, ``p95``, ``p99``, ``p999``, ``max`` (timedelta, not there as
        long as nothing has such a time), ``errors.count``, ``requests.count``, ``dropped.count`` (int),
        ``errors.rate``, ``rate.achieved``, ``rate.requested`` (float; ``errors.rate`` is not there as long as no
        request has ended), ``checks.count`` (int), ``checks.rate`` (float; not there as long as no answer was held
        against any). Those of a single request begin with what ``of_request`` says.

    Raises:
        LineError: A worker's histogram cannot be read.
    """
    values: dict[str, object] = {
        **_count_values("", result.requests, result.error_count),
        "rate.achieved": result.achieved_rate,
        "rate.requested": result.requested_rate,
        "dropped.count": result.dropped,
        "checks.count": result.checks,
    }
    if result.checks:
        values["checks.rate"] = 1 - result.checks_failed / result.checks
    values |= _time_values("latency", result.latency) | _time_values("serviceTime", result.service_time)
    for time in times:
        values |= _time_values(time, getattr(result, time))
    for index in requests:
        name, (ended, errors) = of_request(index), result.counts_of(index)
        values |= _count_values(f"{name}.", ended, errors)
        histogram = result.latency_of(index)
        if histogram is not None:
            values |= _time_values(f"{name}.latency", histogram)
    return values


def _count_values(prefix: str, requests: int, errors: int) -> dict[str, object]:
    rate = {f"{prefix}errors.rate": errors / requests} if requests else {}
    return {f"{prefix}requests.count": requests, f"{prefix}errors.count": errors, **rate}


def _time_values(name: str, histogram: Histogram) -> dict[str, object]:
    if not histogram.total:
        return {f"{name}.count": 0}
    return {
        f"{name}.count": histogram.total,
        f"{name}.min": _time(histogram.min),
        f"{name}.mean": _time(histogram.mean),
        f"{name}.max": _time(histogram.max),
        **{f"{name}.{quantile}": _time(histogram.percentile(percent)) for quantile, percent in QUANTILES.items()},
    }


def _time(microseconds: float) -> timedelta:
    return timedelta(microseconds=microseconds)
