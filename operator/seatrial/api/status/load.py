"""Results of load."""

from pydantic import Field

from seatrial.api.base import list_map
from seatrial.api.status.model import StatusModel
from seatrial.api.status.state import ThresholdState
from seatrial.api.status.use import ResourceUse


class LatencySummary(StatusModel):
    """Quantiles of a latency, to three significant digits, each with its unit, for example 12.3ms."""

    min: str = Field(description="Least.")
    mean: str = Field(description="Arithmetic mean.")
    p50: str = Field(description="Median.")
    p75: str = Field("", description="75th percentile.")
    p90: str = Field(description="90th percentile.")
    p95: str = Field(description="95th percentile.")
    p99: str = Field(description="99th percentile.")
    p999: str = Field(description="99.9th percentile.")
    max: str = Field(description="Greatest.")


class ErrorCount(StatusModel):
    """Requests that failed in one way."""

    kind: str = Field(
        description="dns, connect, exhausted, connectTimeout, tls (or tlsName, tlsAuthority, tlsExpired), timeout, "
        "unanswered, reset, protocol, status and its class (status5xx), redirect, check, capture or template."
    )
    count: int = Field(description="Number of requests.")


class RequestResult(StatusModel):
    """Result of one named request."""

    name: str = Field(description="Name of the request.")
    requests: int = Field(description="Requests that ended, well or badly.")
    errors: int = Field(description="Those that ended badly.")
    p50: str = Field("", description="Median latency from the intended start; absent as long as none was answered.")
    p99: str = Field("", description="99th percentile of the latency from the intended start.")


class ThresholdResult(StatusModel):
    """One threshold, with what it was judged on."""

    expr: str = Field(description="The expression.")
    state: ThresholdState = Field(description="Pending, Passed, Failed or NoData.")
    value: str = Field("", description="The values it was judged on, for example latency.p99 = 12.3ms.")
    crossed_at: float | None = Field(
        None, description="Second of measured time since which it has been false; absent as long as it holds."
    )


class GeneratorResult(StatusModel):
    """How the load generator itself did; of each number the worst worker's."""

    cpu_max: float = Field(0, description="Greatest share of a worker's CPU limit, one core at most, used in a second.")
    busy_seconds: float = Field(0, description="Measured seconds in which over 90 % of it was used.")
    throttled_seconds: float = Field(0, description="Seconds for which the container was throttled.")
    late_seconds: float = Field(0, description="Measured seconds in which the worker was held up by over 100 ms.")
    loop_lag_max_milliseconds: float = Field(0, description="Greatest such delay.")
    lag_p99_milliseconds: float = Field(
        0, description="Open model: 99th percentile of the time by which a request started later than intended."
    )
    lag_p99_bound_milliseconds: float = Field(
        0,
        description="What that percentile is at least, with 95 % confidence: one late request of forty proves nothing. "
        "Over 50 ms, the load proves nothing.",
    )
    lag_max_milliseconds: float = Field(0, description="Greatest such time.")
    start_skew_milliseconds: float = Field(
        0,
        description="Time between the first and the last worker's actual start, by the clocks of their nodes. They are "
        "told to begin at one moment.",
    )


class LoadResult(StatusModel):
    """Result of load, merged exactly over all workers."""

    workers: int = Field(description="Worker pods asked for.")
    workers_reporting: int = Field(0, description="Workers from which results have been read.")
    workers_finished: int = Field(0, description="Workers that have reported their last result.")
    requests: int = Field(0, description="Requests that ended after the warm-up, well or badly.")
    errors: int = Field(0, description="Those that ended badly.")
    error_rate: float = Field(0, description="errors divided by requests, from 0 to 1.")
    requested_rate: float = Field(
        0,
        description="Open model: requests, or flows, per second asked for; with stages, the mean of the time measured "
        "so far. 0 in the closed model.",
    )
    achieved_rate: float = Field(0, description="Requests that ended per second of measured time.")
    iterations: int | None = Field(
        None, description="With profile.iterations: requests that ended, or flows that began and were not cut off."
    )
    flow_rate: float | None = Field(None, description="Flows that were begun per second of measured time.")
    checks: int = Field(0, description="Expectations that answers were held against.")
    checks_failed: int = Field(0, description="Those that did not hold.")
    dropped: int = Field(
        0, description="Open model: arrivals that were not sent because maxInFlight requests were unanswered."
    )
    measured_seconds: float = Field(0, description="Seconds for which load was measured, without the warm-up.")
    aborted_at: float | None = Field(
        None, description="Second of measured time at which a threshold with abortOnFail ended the load."
    )
    bytes_received: int = Field(0, description="Bytes of responses, headers included.")
    bytes_sent: int = Field(0, description="Bytes of requests, headers included.")
    connections: int = Field(0, description="Connections that were opened after the warm-up.")
    latency: LatencySummary | None = Field(
        None,
        description="Latency from the intended start of each request: what a user sees who arrives whether or not "
        "the service is stalled (no coordinated omission).",
    )
    service_time: LatencySummary | None = Field(None, description="Latency from the actual send of each request.")
    ttfb: LatencySummary | None = Field(
        None, description="Time from the actual send of each request to the first byte of its answer."
    )
    connect: LatencySummary | None = Field(
        None, description="Time that opening a connection took; absent if all were opened in the warm-up."
    )
    tls: LatencySummary | None = Field(None, description="Time that its TLS handshake took besides; absent without.")
    generator: GeneratorResult | None = Field(None, description="How the load generator itself did.")
    errors_by_kind: list[ErrorCount] = Field(
        [], max_length=16, description="Errors by kind.", json_schema_extra=list_map("kind")
    )
    by_request: list[RequestResult] = Field(
        [],
        max_length=50,
        description="Results by named request.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    resource_use: list[ResourceUse] = Field(
        [], max_length=6, description="CPU and memory of observed pods.", json_schema_extra=list_map("name")
    )
    thresholds: list[ThresholdResult] = Field(
        [],
        max_length=20,
        description="The thresholds.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
