"""The line that a worker prints every second.

A line carries everything since the worker's start, cumulative counts and whole histograms, so that the newest line
alone is enough: rotation of the log, a restart of the operator and reading twice change nothing.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

State = Literal["warmup", "running", "draining", "final", "interrupted"]
Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LineError(ValueError):
    """A line that no worker of this version has printed."""


class RequestLine(BaseModel):
    """Counts of one of several requests.

    Attributes:
        requests: Requests that ended, well or badly.
        errors: Those that ended badly.
        latency: Histogram of microseconds from the intended start, encoded; None where it was left out of a line that
            is not the last one because it would have made the line too long.
        name: Its name, if a script gave it.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    requests: Count
    errors: Count
    latency: str | None
    name: str | None = None


class WorkerLine(BaseModel):
    """What a worker has counted since its start; all but ``t``, ``ended`` and the generator's own without the warm-up.

    Attributes:
        v: Version of the line.
        worker: Number of the worker, from 0.
        seq: Number of the line, from 0.
        t: Seconds since the worker's start.
        state: warmup, running, draining (sends no more, waits for answers), final, or interrupted.
        final: Whether the worker did all it had to do and this is its whole result.
        interrupted: Whether it was stopped before; the last line then.
        measured: Seconds for which load has been measured.
        requests: Requests that ended, well or badly.
        errors: Those that ended badly, by kind.
        dropped: Arrivals that were not sent because too many requests were unanswered.
        retries: Requests that were sent again because an idle connection had just been closed; no errors.
        checks: Expectations that answers were held against.
        checks_failed: Those that did not hold.
        flows: Flows, or single requests with expressions, that were begun.
        flows_cut: Flows that the end of the load cut off.
        bytes: Bytes of answers, headers included.
        bytes_sent: Bytes of requests, likewise.
        connections: Connections that were opened for these requests.
        ended: Requests that ended, those of the warm-up included.
        per_second: Requests that ended per second since the line before, or the one before that if it was only just.
        in_flight: Requests that are unanswered.
        in_flight_max: Greatest number of them at a time.
        lag_p99: Open model: 99th percentile of actual minus intended send, in microseconds.
        lag_p99_bound: What that percentile is at least, with 95 % confidence. None from a worker of before 2026-12.
        lag_max: Its greatest value.
        cpu: Share of one core that the worker used in the same time.
        cpu_max: Its greatest value in any line so far.
        loop_lag: Greatest delay of the event loop since the line before, in microseconds.
        loop_lag_max: Its greatest value so far.
        began: When the worker began its load, or the tool of its script, in seconds since 1970 by its own clock.
        limit: Cores that the worker may use, up to 1; ``cpu`` and ``cpu_max`` are not divided by it.
        busy: Measured seconds in which it used more than 90 % of them.
        late: Measured seconds in which its event loop was delayed by more than 100 ms.
        throttled: Seconds since its start for which its container was throttled.
        latency: Histogram of microseconds from the intended start, encoded.
        service: Histogram of microseconds from the actual send, encoded.
        ttfb: Histogram of microseconds from the actual send to the first byte, encoded; None if it is the same as
            ``service`` because every answer came at once.
        connect: Histogram of microseconds that opening the connections took, encoded; None without any.
        tls: Histogram of microseconds that their TLS handshakes took besides, encoded; None without any.
        by_request: By place of the request in the spec; empty if there is only one. Those of a script have names.
        complaint: Why the script itself says that the load failed; empty if it does not. In the last line only.
        exceptions: Iterations of a script that ended with an exception.
        exception: The first of their messages.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    v: Literal[1] = 1
    worker: Count
    seq: Count
    t: Number
    state: State
    final: bool
    interrupted: bool
    measured: Number
    requests: Count
    errors: dict[str, Count]
    dropped: Count
    retries: Count
    checks: Count
    checks_failed: Count
    flows: Count
    flows_cut: Count = 0
    bytes: Count
    bytes_sent: Count = 0
    connections: Count = 0
    ended: Count
    per_second: Number
    in_flight: Count
    in_flight_max: Count
    lag_p99: Count
    lag_p99_bound: Count | None = None
    lag_max: Count
    cpu: Number
    cpu_max: Number
    loop_lag: Count
    loop_lag_max: Count
    began: Number
    limit: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    busy: Number
    late: Number
    throttled: Number
    latency: str
    service: str
    ttfb: str | None = None
    connect: str | None = None
    tls: str | None = None
    by_request: tuple[RequestLine, ...] = ()
    complaint: str = ""
    exceptions: Count = 0
    exception: str = ""

    @property
    def last(self) -> bool:
        """Whether the worker prints no other one."""
        return self.final or self.interrupted

    def to_text(self) -> str:
        """Returns the line, without its end."""
        return self.model_dump_json()


def parse_line(text: str | bytes) -> WorkerLine:
    """Reads a line.

    Args:
        text: One line of a worker's standard output.

    Raises:
        LineError: It is not a worker's line of this version, for example because it was cut off.
    """
    try:
        return WorkerLine.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "line"
        raise LineError(f"not a worker's line: {field}: {first['msg']}; it starts with {text[:60]!r}") from error
