"""What the operator makes of the workers' lines: one result, merged exactly.

Pure: lines in, result out. The newest line of each worker is all that is needed, in any order and any number of times.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from seatrial.api.load import LoadSpec
from seatrial.api.script import Engine
from seatrial.load.histogram import Histogram, HistogramError
from seatrial.load.line import LineError, WorkerLine, parse_line
from seatrial.load.named import Named, by_name
from seatrial.load.ramp import Ramp
from seatrial.load.tally import digits_by_request

__all__ = ["LineError", "Merged", "WorkerLine", "merged", "parse_line"]


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


def _latency(each: Named) -> Histogram | None:
    # A worker may tell of several requests that are counted together.
    present = [line.latency for _, line in each.lines if line.latency is not None]
    return added(dict(enumerate(present)), each.digits) if len(present) == len(each.lines) else None
