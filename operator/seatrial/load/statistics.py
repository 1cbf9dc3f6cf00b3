"""What the operator makes of the workers' lines: one result, merged exactly, and the values that thresholds judge.

Pure: lines in, result out. The newest line of each worker is all that is needed, in any order and any number of times.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from seatrial.api import duration
from seatrial.api.load import LoadSpec
from seatrial.api.script import Engine
from seatrial.api.status import ErrorCount, GeneratorResult, LatencySummary, LoadResult, RequestResult, ThresholdResult
from seatrial.api.threshold import QUANTILES, of_request
from seatrial.load.histogram import Histogram, HistogramError
from seatrial.load.line import LineError, WorkerLine, parse_line
from seatrial.load.named import Named, by_name
from seatrial.load.ramp import Ramp
from seatrial.load.tally import digits_by_request

__all__ = ["LineError", "Merged", "WorkerLine", "load_result", "merged", "parse_line", "threshold_values"]

#: Kinds of error that a result names; the rarest beyond it are counted together as ``other``.
_KINDS = 16
#: Times that take a histogram of their own to be read, and are only where somebody asks for them.
_TIMES = ("ttfb", "connect", "tls")


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
    def checks(self) -> int:
        """Expectations that answers were held against."""
        return sum(line.checks for line in self.lines)

    @property
    def checks_failed(self) -> int:
        """Those that did not hold."""
        return sum(line.checks_failed for line in self.lines)

    @property
    def iterations(self) -> int | None:
        """Requests that ended, or flows that began and were not cut off; None if their number is not limited."""
        if not self.spec.profile.iterations:
            return None
        return sum(line.flows - line.flows_cut for line in self.lines) if self.spec.flows else self.requests

    @property
    def flow_rate(self) -> float | None:
        """Flows that were begun per second, iterations in k6; None if the load has none."""
        if not self.spec.flows and self.spec.engine is not Engine.K6:
            return None
        return self._per_second([line.flows for line in self.lines])

    @property
    def requested_rate(self) -> float:
        """Requests per second asked for, with stages the mean of the time measured; 0 in the closed model."""
        profile = self.spec.profile
        if not profile.open:
            return 0.0
        if not profile.stages:
            return float(profile.start)
        warmup = round(profile.warmup.total_seconds() * 1e9)
        return Ramp.of(profile).mean(warmup, warmup + round(self.measured_seconds * 1e9))

    @property
    def achieved_rate(self) -> float:
        """Requests that ended per second, each worker's over the time that it has measured.

        Summing the workers' rates, rather than dividing the sum by one time, is the same at the end and right before
        it, when a worker that started later has measured for a shorter time. Where each worker ends when its
        iterations are done, it would count together what was not at the same time.
        """
        return self._per_second([line.requests for line in self.lines])

    def _per_second(self, counts: Sequence[int]) -> float:
        """The rate of what each worker has counted."""
        if self.spec.profile.iterations:
            return sum(counts) / self.measured_seconds if self.measured_seconds else 0.0
        return sum(n / line.measured for n, line in zip(counts, self.lines, strict=True) if line.measured > 0)

    @property
    def measured_seconds(self) -> float:
        """Longest time for which a worker has measured, in seconds."""
        return max((line.measured for line in self.lines), default=0.0)

    @property
    def measured_by_all(self) -> float:
        """Time for which every worker has measured, in seconds; 0 until all have been heard."""
        return min(line.measured for line in self.lines) if len(self.lines) == self.spec.workers else 0.0

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
        return added({line.worker: line.latency for line in self.lines}, 3)

    @cached_property
    def service_time(self) -> Histogram:
        """Microseconds from the actual send.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        return added({line.worker: line.service for line in self.lines}, 3)

    @cached_property
    def ttfb(self) -> Histogram:
        """Microseconds from the actual send to the first byte.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        if all(line.ttfb is None for line in self.lines):
            return self.service_time
        return added({line.worker: line.service if line.ttfb is None else line.ttfb for line in self.lines}, 3)

    @cached_property
    def connect(self) -> Histogram:
        """Microseconds that opening a connection took.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        return added({line.worker: line.connect for line in self.lines if line.connect is not None}, 3)

    @cached_property
    def tls(self) -> Histogram:
        """Microseconds that its TLS handshake took besides.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        return added({line.worker: line.tls for line in self.lines if line.tls is not None}, 3)

    @cached_property
    def named(self) -> list[Named]:
        """The requests of a script: those that thresholds name first, in the order of the spec."""
        return by_name(self.lines, self.spec.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the requests that have results of their own."""
        return tuple(each.name for each in self.named) if self.spec.script else self.spec.labels

    @cached_property
    def complaints(self) -> dict[int, str]:
        """Why scripts themselves say that the load failed, by worker."""
        return {line.worker: line.complaint for line in self.lines if line.complaint}

    def counts_of(self, index: int) -> tuple[int, int]:
        """Requests of one kind that ended, and those of them that ended badly.

        Args:
            index: Place of the request in the spec.
        """
        if self.spec.script:
            each = self.named[index]
            return each.requests, each.errors
        if len(self.spec.exchanges) == 1:
            return self.requests, self.error_count
        lines = [line.by_request[index] for line in self.lines]
        return sum(line.requests for line in lines), sum(line.errors for line in lines)

    def latency_of(self, index: int) -> Histogram | None:
        """Microseconds from the intended start of one of several requests.

        Args:
            index: Its place in the spec.

        Returns:
            None if a worker has left it out of its newest line.

        Raises:
            LineError: A worker's histogram cannot be read.
        """
        if self.spec.script:
            return _latency(self.named[index])
        if len(self.spec.exchanges) == 1:
            return self.latency
        encoded = {line.worker: line.by_request[index].latency for line in self.lines}
        present = {worker: text for worker, text in encoded.items() if text is not None}
        return added(present, digits_by_request(len(self.spec.exchanges))) if len(present) == len(encoded) else None


def merged(lines: Mapping[int, WorkerLine], spec: LoadSpec) -> Merged:
    """Merges the workers' results.

    Args:
        lines: The newest line of each worker by its number; workers that have not reported yet are not in it.
        spec: The load that was asked for.

    Raises:
        LineError: A line is not of this load: of another worker, or with other requests.
    """
    by_request = len(spec.exchanges) if len(spec.exchanges) > 1 else 0
    for worker, line in lines.items():
        fits = spec.script is not None or len(line.by_request) == by_request
        if line.worker != worker or worker >= spec.workers or not fits:
            raise LineError(
                f"line of worker {line.worker} with {len(line.by_request)} requests does not belong to worker {worker} "
                f"of {spec.workers} with {by_request}"
            )
    return Merged(tuple(lines[worker] for worker in sorted(lines)), spec)


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


def added(encoded: Mapping[int, str], digits: int) -> Histogram:
    """Adds the workers' histograms up.

    Args:
        encoded: By worker.
        digits: Their significant digits.

    Raises:
        LineError: One of them cannot be read.
    """
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
        p75=_text(histogram.percentile(75)),
        p90=_text(histogram.percentile(90)),
        p95=_text(histogram.percentile(95)),
        p99=_text(histogram.percentile(99)),
        p999=_text(histogram.percentile(99.9)),
        max=_text(histogram.max),
    )


def _latency(each: Named) -> Histogram | None:
    # A worker may tell of several requests that are counted together.
    present = [line.latency for _, line in each.lines if line.latency is not None]
    return added(dict(enumerate(present)), each.digits) if len(present) == len(each.lines) else None


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
        lag_p99_bound_milliseconds=max(line.lag_p99_bound for line in lines) / 1000,
        lag_max_milliseconds=max(line.lag_max for line in lines) / 1000,
        start_skew_milliseconds=round((max(begins) - min(begins)) * 1000),
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
