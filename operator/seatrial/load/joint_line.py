"""One line of all generators of a worker, merged exactly."""

from collections import Counter
from collections.abc import Sequence

from seatrial.load.histogram import Histogram
from seatrial.load.line import RequestLine, State, WorkerLine
from seatrial.load.tally import digits_by_request

#: Fields that are added.
SUMMED = (
    *("requests", "dropped", "retries", "checks", "checks_failed", "flows", "flows_cut"),
    *("bytes", "bytes_sent", "connections", "ended", "per_second", "in_flight", "in_flight_max"),
    "exceptions",
)
#: Fields of which the greatest is what all of them can vouch for: of the generators, the busiest and the latest.
GREATEST = (
    *("t", "measured", "lag_p99", "lag_p99_bound", "lag_max", "cpu", "cpu_max", "loop_lag", "loop_lag_max"),
    *("busy", "late", "throttled"),
)
#: Fields of which the least is.
LEAST = ("began", "limit")
_STATES: tuple[State, ...] = ("warmup", "running", "draining", "final", "interrupted")


def joint_line(lines: Sequence[WorkerLine], worker: int, seq: int) -> WorkerLine:
    """Merges the newest lines of all generators of a worker.

    Args:
        lines: One of each.
        worker: Number of the worker.
        seq: Number of the line.

    Raises:
        HistogramError: A histogram cannot be read.
    """
    errors: Counter[str] = Counter()
    for line in lines:
        errors.update(line.errors)
    last = all(line.last for line in lines)
    interrupted = last and any(line.interrupted for line in lines)
    state = "interrupted" if interrupted else min((line.state for line in lines), key=_STATES.index)
    return WorkerLine.model_validate(
        {
            "worker": worker,
            "seq": seq,
            "state": state,
            "final": last and not interrupted,
            "interrupted": interrupted,
            "errors": dict(errors),
            **{name: sum(getattr(line, name) for line in lines) for name in SUMMED},
            **{name: max(getattr(line, name) for line in lines) for name in GREATEST},
            **{name: min(getattr(line, name) for line in lines) for name in LEAST},
            "latency": _added([line.latency for line in lines]),
            "service": _added([line.service for line in lines]),
            # Without a histogram of its own this time is the one of the service.
            "ttfb": _added([line.ttfb or line.service for line in lines]) if any(line.ttfb for line in lines) else None,
            "connect": _added_if_any([line.connect for line in lines]),
            "tls": _added_if_any([line.tls for line in lines]),
            "complaint": next((line.complaint for line in lines if line.complaint), ""),
            "exception": next((line.exception for line in lines if line.exception), ""),
            "by_request": _by_request(lines),
        }
    )


def _by_request(lines: Sequence[WorkerLine]) -> tuple[RequestLine, ...]:
    number = len(lines[0].by_request)
    return tuple(_of_request([line.by_request[place] for line in lines], number) for place in range(number))


def _of_request(entries: Sequence[RequestLine], number: int) -> RequestLine:
    texts = [entry.latency for entry in entries if entry.latency is not None]
    return RequestLine(
        name=entries[0].name,
        requests=sum(entry.requests for entry in entries),
        errors=sum(entry.errors for entry in entries),
        # Where one was left out for its length, what is there says nothing about all.
        latency=_added(texts, digits_by_request(number)) if len(texts) == len(entries) else None,
    )


def _added_if_any(encoded: Sequence[str | None]) -> str | None:
    there = [text for text in encoded if text is not None]
    return _added(there) if there else None


def _added(encoded: Sequence[str], digits: int = 3) -> str:
    histogram = Histogram(digits)
    for text in encoded:
        histogram.add(text)
    return histogram.encode()
