"""What the operator makes of the workers' lines: one result, merged exactly, and the values that thresholds judge.

Pure: lines in, result out. The newest line of each worker is all that is needed, in any order and any number of times.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from seatrial.api import duration
from seatrial.api.load import LoadSpec
from seatrial.api.status import ErrorCount, LatencySummary, LoadResult, RequestResult, ThresholdResult
from seatrial.load.histogram import Histogram, HistogramError
from seatrial.load.line import LineError, WorkerLine, parse_line
from seatrial.load.tally import digits_by_request

__all__ = ["LineError", "Merged", "WorkerLine", "load_result", "merged", "parse_line", "threshold_values"]

#: Kinds of error that a result names; the rarest beyond it are counted together as ``other``.
_KINDS = 16
#: Names of the quantiles in thresholds, with their percentages.
_QUANTILES = {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


@dataclass(frozen=True)
class Merged:
    """The sum of what all workers have reported. Histograms are decoded when they are first asked for.

    Attributes:
        lines: The newest line of each worker.
        spec: The load that was asked for.
    """

    lines: tuple[WorkerLine, ...]
    spec: LoadSpec

    @cached_property
    def requests(self) -> int:
        """Requests that ended after the warm-up, well or badly."""
        return sum(line.requests for line in self.lines)

    @cached_property
    def errors(self) -> dict[str, int]:
        """Those that ended badly, by kind."""
        kinds: Counter[str] = Counter()
        for line in self.lines:
            kinds.update(line.errors)
        return dict(kinds)

    @property
    def error_count(self) -> int:
        """Requests that ended badly."""
        return sum(self.errors.values())

    @property
    def error_rate(self) -> float:
        """Share of requests that ended badly, from 0 to 1; 0 if there were none."""
        return self.error_count / self.requests if self.requests else 0.0

    @property
    def dropped(self) -> int:
        """Arrivals that were not sent."""
        return sum(line.dropped for line in self.lines)

    @property
    def requested_rate(self) -> float:
        """Requests per second asked for; 0 in the closed model."""
        return float(self.spec.profile.rate or 0)

    @property
    def achieved_rate(self) -> float:
        """Requests that ended per second, each worker's over the time that it has measured.

        Summing the workers' rates, rather than dividing the sum by one time, is the same at the end and right before
        it, when a worker that started later has measured for a shorter time.
        """
        return sum(line.requests / line.measured for line in self.lines if line.measured > 0)

    @property
    def measured_seconds(self) -> float:
        """Longest time for which a worker has measured, in seconds."""
        return max((line.measured for line in self.lines), default=0.0)

    @property
    def finished(self) -> int:
        """Workers that have reported their whole result."""
        return sum(line.final for line in self.lines)

    @cached_property
    def latency(self) -> Histogram:
        """Microseconds from the intended start.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        return _added({line.worker: line.latency for line in self.lines}, 3)

    @cached_property
    def service_time(self) -> Histogram:
        """Microseconds from the actual send.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        return _added({line.worker: line.service for line in self.lines}, 3)

    def latency_of(self, index: int) -> Histogram | None:
        """Microseconds from the intended start of one of several requests.

        Args:
            index: Its place in the spec.

        Returns:
            None if a worker has left it out of its newest line.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        if len(self.spec.requests) == 1:
            return self.latency
        encoded = {line.worker: line.by_request[index].latency for line in self.lines}
        present = {worker: text for worker, text in encoded.items() if text is not None}
        return _added(present, digits_by_request(len(self.spec.requests))) if len(present) == len(encoded) else None


def merged(lines: Mapping[int, WorkerLine], spec: LoadSpec) -> Merged:
    """Merges the workers' results.

    Args:
        lines: The newest line of each worker by its number; workers that have not reported yet are not in it.
        spec: The load that was asked for.

    Raises:
        LineError: A line is not of this load: of another worker, or with other requests.
    """
    by_request = len(spec.requests) if len(spec.requests) > 1 else 0
    for worker, line in lines.items():
        if line.worker != worker or worker >= spec.workers or len(line.by_request) != by_request:
            raise LineError(
                f"line of worker {line.worker} with {len(line.by_request)} requests does not belong to worker {worker} "
                f"of {spec.workers} with {by_request}"
            )
    return Merged(tuple(lines[worker] for worker in sorted(lines)), spec)


def load_result(result: Merged, thresholds: Sequence[ThresholdResult] = (), *, by_request: bool = True) -> LoadResult:
    """Words a merged result for the status.

    Args:
        result: The merged result.
        thresholds: The thresholds as they have been judged.
        by_request: Whether the single requests' results are wanted. With many requests and workers their histograms
            are most of the cost; a live result can do without.

    Raises:
        LineError: A worker's histogram cannot be read.
    """
    return LoadResult(
        workers=result.spec.workers,
        workers_reporting=len(result.lines),
        workers_finished=result.finished,
        requests=result.requests,
        errors=result.error_count,
        error_rate=round(result.error_rate, 6),
        requested_rate=result.requested_rate,
        achieved_rate=round(result.achieved_rate, 1),
        dropped=result.dropped,
        measured_seconds=round(result.measured_seconds, 3),
        bytes_received=sum(line.bytes for line in result.lines),
        latency=_summary(result.latency),
        service_time=_summary(result.service_time),
        errors_by_kind=_error_counts(result.errors),
        by_request=[_request_result(result, index) for index in range(len(result.spec.requests) if by_request else 0)],
        thresholds=list(thresholds),
    )


def threshold_values(result: Merged) -> dict[str, object]:
    """Returns the values that a threshold's expression may name.

    Args:
        result: The merged result.

    Returns:
        By dotted name: ``latency.`` and ``serviceTime.`` with ``min``, ``mean``, ``p50``, ``p75``, ``p90``, ``p95``,
        ``p99``, ``p999``, ``max`` (timedelta, not there as long as nothing has a latency), ``errors.count``,
        ``requests.count``, ``dropped.count`` (int), ``errors.rate``, ``rate.achieved``, ``rate.requested`` (float;
        ``errors.rate`` is not there as long as no request has ended).

    Raises:
        LineError: A worker's histogram cannot be read.
    """
    values: dict[str, object] = {
        "errors.count": result.error_count,
        "requests.count": result.requests,
        "rate.achieved": result.achieved_rate,
        "rate.requested": result.requested_rate,
        "dropped.count": result.dropped,
    }
    if result.requests:
        values["errors.rate"] = result.error_rate
    for name, histogram in (("latency", result.latency), ("serviceTime", result.service_time)):
        if histogram.total:
            values[f"{name}.min"] = _time(histogram.min)
            values[f"{name}.mean"] = _time(histogram.mean)
            values[f"{name}.max"] = _time(histogram.max)
            for quantile, percent in _QUANTILES.items():
                values[f"{name}.{quantile}"] = _time(histogram.percentile(percent))
    return values


def _added(encoded: Mapping[int, str], digits: int) -> Histogram:
    histogram = Histogram(digits)
    for worker, text in encoded.items():
        try:
            histogram.add(text)
        except HistogramError as error:
            raise LineError(f"line of worker {worker}: {error}") from error
    return histogram


def _summary(histogram: Histogram) -> LatencySummary | None:
    if not histogram.total:
        return None
    return LatencySummary(
        min=_text(histogram.min),
        mean=_text(histogram.mean),
        p50=_text(histogram.percentile(50)),
        p90=_text(histogram.percentile(90)),
        p95=_text(histogram.percentile(95)),
        p99=_text(histogram.percentile(99)),
        p999=_text(histogram.percentile(99.9)),
        max=_text(histogram.max),
    )


def _request_result(result: Merged, index: int) -> RequestResult:
    single = len(result.spec.requests) == 1
    lines = [line.by_request[index] for line in result.lines if not single]
    histogram = result.latency_of(index)
    return RequestResult(
        name=result.spec.requests[index].label[:50],
        requests=result.requests if single else sum(line.requests for line in lines),
        errors=result.error_count if single else sum(line.errors for line in lines),
        p50=_text(histogram.percentile(50)) if histogram and histogram.total else "",
        p99=_text(histogram.percentile(99)) if histogram and histogram.total else "",
    )


def _error_counts(errors: Mapping[str, int]) -> list[ErrorCount]:
    kinds = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    if len(kinds) > _KINDS:
        kinds = [*kinds[: _KINDS - 1], ("other", sum(count for _, count in kinds[_KINDS - 1 :]))]
    return [ErrorCount(kind=kind, count=count) for kind, count in kinds]


def _time(microseconds: float) -> timedelta:
    return timedelta(microseconds=microseconds)


def _text(microseconds: float) -> str:
    return duration.text(_time(microseconds))
