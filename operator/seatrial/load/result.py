"""A merged result in the words of a status."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from seatrial.api import duration
from seatrial.api.script import Engine
from seatrial.api.status import ErrorCount, GeneratorResult, LatencySummary, LoadResult, RequestResult, ThresholdResult
from seatrial.load.histogram import Histogram
from seatrial.load.line import WorkerLine
from seatrial.load.statistics import Merged

#: Kinds of error that a result names; the rarest beyond it are counted together as ``other``.
_KINDS = 16


def load_result(result: Merged, thresholds: Sequence[ThresholdResult] = (), *, whole: bool = True) -> LoadResult:
    """Words a merged result for the status.

    Args:
        result: The merged result.
        thresholds: The thresholds as they have been judged.
        whole: Whether the single requests' results are wanted, and the times to the first byte and of connecting.
            With many workers their histograms are most of the cost; a live result can do without.

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
        requested_rate=round(result.requested_rate, 1),
        achieved_rate=round(result.achieved_rate, 1),
        iterations=result.iterations,
        flow_rate=round(result.flow_rate, 1) if result.flow_rate is not None else None,
        checks=result.checks,
        checks_failed=result.checks_failed,
        dropped=result.dropped,
        measured_seconds=round(result.measured_seconds, 3),
        bytes_received=sum(line.bytes for line in result.lines),
        bytes_sent=sum(line.bytes_sent for line in result.lines),
        connections=sum(line.connections for line in result.lines),
        latency=_summary(result.latency),
        service_time=_summary(result.service_time),
        ttfb=_summary(result.ttfb) if whole and result.spec.engine is not Engine.LOCUST else None,
        connect=_summary(result.connect) if whole else None,
        tls=_summary(result.tls) if whole else None,
        generator=_generator(result.lines) if result.lines else None,
        errors_by_kind=_error_counts(result.errors),
        by_request=[_request_result(result, index) for index in range(len(result.names) if whole else 0)],
        thresholds=list(thresholds),
    )


def _summary(histogram: Histogram) -> LatencySummary | None:
    if not histogram.total:
        return None
    return LatencySummary(
        min=_text(histogram.min),
        mean=_text(histogram.mean),
        p50=_text(histogram.percentile(50)),
        p75=_text(histogram.percentile(75)),
        p90=_text(histogram.percentile(90)),
        p95=_text(histogram.percentile(95)),
        p99=_text(histogram.percentile(99)),
        p999=_text(histogram.percentile(99.9)),
        max=_text(histogram.max),
    )


def _request_result(result: Merged, index: int) -> RequestResult:
    ended, errors = result.counts_of(index)
    histogram = result.latency_of(index)
    return RequestResult(
        name=result.names[index][:50],
        requests=ended,
        errors=errors,
        p50=_text(histogram.percentile(50)) if histogram and histogram.total else "",
        p99=_text(histogram.percentile(99)) if histogram and histogram.total else "",
    )


def _generator(lines: Sequence[WorkerLine]) -> GeneratorResult:
    begins = [line.began for line in lines]
    return GeneratorResult(
        cpu_max=round(max(line.cpu_max / line.limit for line in lines), 3),
        busy_seconds=max(line.busy for line in lines),
        throttled_seconds=max(line.throttled for line in lines),
        late_seconds=max(line.late for line in lines),
        loop_lag_max_milliseconds=max(line.loop_lag_max for line in lines) / 1000,
        lag_p99_milliseconds=max(line.lag_p99 for line in lines) / 1000,
        lag_p99_bound_milliseconds=max(_lag_bound(line) for line in lines) / 1000,
        lag_max_milliseconds=max(line.lag_max for line in lines) / 1000,
        start_skew_milliseconds=round((max(begins) - min(begins)) * 1000),
    )


def _lag_bound(line: WorkerLine) -> int:
    """A worker that an earlier operator has started does not tell: the percentile itself stands in for its bound."""
    return line.lag_p99 if line.lag_p99_bound is None else line.lag_p99_bound


def _error_counts(errors: Mapping[str, int]) -> list[ErrorCount]:
    kinds = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    if len(kinds) > _KINDS:
        kinds = [*kinds[: _KINDS - 1], ("other", sum(count for _, count in kinds[_KINDS - 1 :]))]
    return [ErrorCount(kind=kind, count=count) for kind, count in kinds]


def _text(microseconds: float) -> str:
    return duration.text(timedelta(microseconds=microseconds))
