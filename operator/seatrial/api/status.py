"""What a user gets back: verdicts, conditions, results of steps and of load."""

from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel

from seatrial.api.base import Model, Without, list_map

#: Longest message in a step or service, in bytes; status stays small by construction.
MESSAGE_BYTES = 256

Message = Annotated[str, Field(max_length=1024)]

LOAD_HASH = "Digest of a LoadTest's load, without what judges it: runs with the same one can be compared."


class Verdict(StrEnum):
    """What a run means, as opposed to where it is."""

    PASSED = "Passed"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


class Phase(StrEnum):
    """Where a run is."""

    QUEUED = "Queued"
    PROVISIONING = "Provisioning"
    SETUP = "Setup"
    RUNNING = "Running"
    RETAINED = "Retained"
    TEARDOWN = "Teardown"
    DONE = "Done"


class StepState(StrEnum):
    """Where one step is, or how it ended."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"
    SKIPPED = "Skipped"
    CANCELLED = "Cancelled"

    @property
    def ended(self) -> bool:
        """Whether the step will not change any more."""
        return self not in {StepState.PENDING, StepState.RUNNING}


class ServiceState(StrEnum):
    """Where one service of the environment is."""

    PENDING = "Pending"
    STARTING = "Starting"
    STARTED = "Started"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    COMPLETED = "Completed"
    ERROR = "Error"

    @property
    def up(self) -> bool:
        """Whether it is all that the run asks of the service: healthy, or completed."""
        return self in {ServiceState.HEALTHY, ServiceState.COMPLETED}


class StatusModel(Model):
    """A piece of status. Unknown fields are ignored: an older operator may read what a newer one wrote."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what is empty and may be: people read this."""
        optional = _optional_names(type(self))
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name not in optional or value not in ("", [], {})}


@cache
def _optional_names(model: type[StatusModel]) -> frozenset[str | None]:
    """Names of the fields that a model can do without, in Python's and in Kubernetes' spelling."""
    fields = model.model_fields.items()
    return frozenset(
        name for attribute, field in fields if not field.is_required() for name in (attribute, field.alias)
    )


class Condition(StatusModel):
    """A condition as Kubernetes has them (metav1.Condition)."""

    type: str = Field(description="Name of the condition.")
    status: Annotated[str, Field(pattern="^(True|False|Unknown)$")] = Field(description="True, False or Unknown.")
    observed_generation: int = Field(0, description="Generation of the spec that the condition is about.")
    last_transition_time: str = Field(
        description="When its status last changed.", json_schema_extra={"format": "date-time"}
    )
    reason: Annotated[str, Field(max_length=64)] = Field(description="Stable CamelCase word for a program to read.")
    message: Message = Field(description="Sentence for a person to read.")


class Timestamped(StatusModel):
    """Something with a beginning and an end."""

    started_at: str | None = Field(None, description="When it started.", json_schema_extra={"format": "date-time"})
    finished_at: str | None = Field(None, description="When it ended.", json_schema_extra={"format": "date-time"})


class ServiceStatus(StatusModel):
    """One service of the environment."""

    name: str = Field(description="Name of the service.")
    state: ServiceState = Field(description="Pending, Starting, Started, Healthy, Unhealthy, Completed or Error.")
    reason: str = Field("", description="Stable CamelCase word for the state.")
    message: Message = Field("", description="What it waits for or what went wrong.")
    started_at: str | None = Field(None, description="When it was created.", json_schema_extra={"format": "date-time"})
    healthy_at: str | None = Field(
        None, description="When it was first healthy.", json_schema_extra={"format": "date-time"}
    )
    interruptions: int = Field(0, description="Times it became unhealthy after it had been healthy.")
    interrupted_at: str | None = Field(
        None, description="When it last became unhealthy.", json_schema_extra={"format": "date-time"}
    )
    recovered_at: str | None = Field(
        None, description="When it last became healthy again.", json_schema_extra={"format": "date-time"}
    )
    interrupted_by: str = Field("", description="Stable CamelCase word for its gravest interruption.")
    pods: str = Field("", description="Digest of its pods and their restarts when it was last healthy.")


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


class ThresholdState(StrEnum):
    """What became of a threshold."""

    PENDING = "Pending"
    PASSED = "Passed"
    FAILED = "Failed"
    NO_DATA = "NoData"


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


class ResourceUse(StatusModel):
    """What some pods used while load was measured, each pod for itself."""

    name: str = Field(description="target, or the name in spec.observe.")
    pods: int = Field(0, description="Most pods at a time.")
    samples: int = Field(0, description="Times at which the metrics API told of a pod.")
    cpu_max: float | None = Field(None, description="Greatest use of CPU by one pod, in cores.")
    cpu_mean: float | None = Field(None, description="Mean over pods and samples.")
    memory_max: int | None = Field(None, description="Greatest use of memory by one pod (working set), in bytes.")
    memory_mean: int | None = Field(None, description="Mean over pods and samples.")
    restarts: int | None = Field(None, description="Times a container was restarted; absent if pods cannot be listed.")
    oom_kills: int | None = Field(None, description="Containers that ran out of memory.")
    message: Message = Field("", description="Why something is missing, for example that there is no metrics API.")


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


class JUnitCounts(StatusModel):
    """What the JUnit files of a Job say; all cases are in the report."""

    tests: int = Field(0, description="Test cases.")
    failures: int = Field(0, description="Cases whose assertion failed.")
    errors: int = Field(0, description="Cases that broke.")
    skipped: int = Field(0, description="Cases that did not run.")
    failing: list[str] = Field(
        [],
        max_length=5,
        description="Names of the first cases that failed or broke.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ReportStatus(StatusModel):
    """Where the whole report of the run is."""

    run: str = Field("", description="Name of the run that it is about.")
    config_maps: list[str] = Field(
        [],
        max_length=5,
        description="Names of the ConfigMaps beside the resource that hold it, in order. `seatrial report` reads them.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    sha256: str = Field("", description="SHA-256 of report.json.")
    bytes: int = Field(0, description="Size of report.json.")
    message: Message = Field("", description="Why there is none, or why it is not whole.")


class StepStatus(Timestamped):
    """One step: where it is or how it ended."""

    name: str = Field(description="Name of the step.")
    state: StepState = Field(
        StepState.PENDING,
        description="Pending, Running, Succeeded, Failed, Error, Inconclusive, Skipped or Cancelled.",
    )
    reason: str = Field("", description="Stable CamelCase word for the state.")
    message: Message = Field("", description="Sentence for a person to read, at most 256 bytes.")
    attempts: int = Field(0, description="Times it was started. startedAt is about the last one.")
    flaky: bool | None = Field(None, description="True if it succeeded only when it was attempted again.")
    optional: bool | None = Field(None, description="True if its end leaves the verdict alone.")
    instance_of: str = Field("", description="Name of the step with the matrix, if it is an instance of one.")
    matrix: dict[str, Any] = Field(
        {},
        description="Value of each axis of the matrix; a long text is cut.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    next_attempt_at: str | None = Field(
        None, description="When it is attempted again.", json_schema_extra={"format": "date-time"}
    )
    captures: dict[str, Any] = Field(
        {},
        description="Values that the step kept for later ones.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    load: LoadResult | None = Field(None, description="Result of the load, if the step is one.")
    junit: JUnitCounts | None = Field(None, description="Result of the test cases, if the step is a Job with junit.")


#: What runs before and after the steps is a Job: it has no load, whose result is most of a step's schema.
_JobStepStatus = Annotated[StepStatus, Without("load")]


class RunStatus(Timestamped):
    """The current or last run."""

    id: str = Field(
        description="Name of the run, unique for the resource: the generation that asked for it, and the time if it "
        "was scheduled."
    )
    generation: int = Field(description="Newest generation of the spec that says to run the same.")
    spec_hash: str = Field("", description="SHA-256 over what is run: a spec with another one starts a new run.")
    load_hash: str = Field("", description=LOAD_HASH)
    scheduled_for: str | None = Field(
        None, description="The time of the schedule that started it.", json_schema_extra={"format": "date-time"}
    )
    stop: str = Field("", description="Graceful or Immediate, once spec.stop has ended the run.")
    namespace: str | None = Field(None, description="The environment's namespace.")
    phase_since: str | None = Field(
        None, description="When the current phase began.", json_schema_extra={"format": "date-time"}
    )


class RunSummary(StatusModel):
    """One past run."""

    id: str = Field(description="Name of the run.")
    load_hash: str = Field("", description=LOAD_HASH)
    verdict: Verdict = Field(description="How it ended.")
    reason: str = Field("", description="Stable CamelCase word for why.")
    flaky: bool | None = Field(None, description="True if a step succeeded only when it was attempted again.")
    started_at: str | None = Field(None, description="When it started.", json_schema_extra={"format": "date-time"})
    finished_at: str | None = Field(
        None, description="When its verdict fell.", json_schema_extra={"format": "date-time"}
    )
    report: list[str] = Field(
        [],
        max_length=5,
        description="Names of the ConfigMaps that hold its report.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class QueueStatus(StatusModel):
    """The place of a run that waits."""

    since: str = Field(description="Since when it waits.", json_schema_extra={"format": "date-time"})
    position: int = Field(
        0,
        description="Its place among those that wait for the same room, the first is 1: exact up to 10, then rounded "
        "up. 0 while it waits for something else.",
    )
    behind: str = Field(
        "", description="Whom it waits for next: the one ahead of it, or the oldest that has the room that it needs."
    )


class ScheduleStatus(StatusModel):
    """What the schedule has done and will do."""

    cron: str = Field(description="The expression and time zone that next was found by.")
    next: str | None = Field(None, description="The next time.", json_schema_extra={"format": "date-time"})
    last: str | None = Field(
        None, description="The last time at which a run was started.", json_schema_extra={"format": "date-time"}
    )
    missed: int = Field(0, description="Times at which none was started.")
    reason: Message = Field("", description="Why the last one that was missed was.")


class TrialStatus(StatusModel):
    """What the status of both kinds has in common."""

    observed_generation: int = Field(0, description="Generation of the spec that this status is about.")
    phase: Phase | None = Field(
        None, description="Where the run is: Queued, Provisioning, Setup, Running, Retained, Teardown or Done."
    )
    verdict: Verdict | None = Field(
        None, description="What the run means: Passed, Failed, Error, Inconclusive, TimedOut or Cancelled."
    )
    reason: str = Field("", description="Stable CamelCase word for the verdict, or for what is going on.")
    message: Message = Field("", description="Sentence for a person to read.")
    run: RunStatus | None = Field(None, description="The current or last run, or the one that waits.")
    queue: QueueStatus | None = Field(None, description="Its place, while it waits.")
    schedule: ScheduleStatus | None = Field(None, description="The schedule's times.")
    report: ReportStatus | None = Field(None, description="Where the whole report of the run is.")
    shortened: str = Field(
        "", description="Says that parts were left out to keep the status below 32 KiB; the report has them."
    )
    conditions: list[Condition] = Field(
        [],
        max_length=16,
        description="Conditions as Kubernetes has them.",
        json_schema_extra=list_map("type"),
    )
    history: list[RunSummary] = Field(
        [],
        max_length=10,
        description="The last runs before this one, newest first.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )

    @property
    def waiting(self) -> bool:
        """Whether a run is asked for that has not begun: nothing has been made for it."""
        return self.phase is Phase.QUEUED and (self.run is None or self.run.started_at is None)

    @property
    def active(self) -> bool:
        """Whether a run has begun and is not over, its teardown included."""
        return self.run is not None and self.phase is not Phase.DONE and not self.waiting


class TestScenarioStatus(TrialStatus):
    """Status of a TestScenario."""

    __test__ = False  # not a test, whatever pytest makes of its name

    progress: str = Field("", description="Steps that succeeded, of all steps that must: for example 3/5.")
    flaky: bool | None = Field(None, description="True if a step succeeded only when it was attempted again.")
    services: list[ServiceStatus] = Field(
        [], max_length=50, description="The services of the environment.", json_schema_extra=list_map("name")
    )
    setup: list[_JobStepStatus] = Field(
        [], max_length=20, description="Setup Jobs.", json_schema_extra=list_map("name")
    )
    steps: list[StepStatus] = Field([], max_length=200, description="Steps.", json_schema_extra=list_map("name"))
    teardown: list[_JobStepStatus] = Field(
        [], max_length=20, description="Teardown Jobs.", json_schema_extra=list_map("name")
    )


class MetricComparison(StatusModel):
    """One metric of two runs."""

    metric: str = Field(description="What was compared.")
    state: ThresholdState = Field(
        description="Passed, Failed (worse by more than is allowed), or NoData: it may be, but the noise is too great "
        "to tell."
    )
    before: str = Field("", description="Median over the windows of the earlier run.")
    after: str = Field("", description="Median over the windows of this run.")
    change_percent: float = Field(0, description="How much worse it is, in percent; negative if it is better.")
    least_percent: float | None = Field(
        None, description="Lower bound of that; absent if there are too few independent windows for one."
    )


class BaselineStatus(StatusModel):
    """The run that this one is compared with."""

    run: str = Field("", description="Name of that run; empty if there is none.")
    verdict: Verdict | None = Field(None, description="How it ended.")
    load_hash: str = Field("", description="Its loadHash.")
    report: list[str] = Field(
        [],
        max_length=5,
        description="Names of the ConfigMaps that hold its report. They stay as long as they stand here.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    message: Message = Field("", description="Why there is no comparison.")
    windows: int = Field(0, description="Windows of both runs that were compared.")
    metrics: list[MetricComparison] = Field(
        [],
        max_length=4,
        description="What was compared.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class LoadTestStatus(TrialStatus):
    """Status of a LoadTest."""

    result: LoadResult | None = Field(None, description="The merged result, live while the test runs.")
    baseline: BaselineStatus | None = Field(
        None, description="The earlier run that this one is compared with, if spec.baseline is given."
    )
