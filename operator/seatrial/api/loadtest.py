"""The kind LoadTest: load against a Service that already exists."""

from typing import Any, ClassVar

from pydantic import Field

from seatrial.api.base import Model
from seatrial.api.control import (
    ConcurrencyField,
    History,
    QueueTimeout,
    RunToken,
    ScheduleField,
    Steered,
    StopField,
    Suspend,
    TotalTimeout,
)
from seatrial.api.duration import Duration, seconds
from seatrial.api.existing import Label
from seatrial.api.load import LoadSpec, Target
from seatrial.api.status import LoadTestStatus


class LoadTimeouts(Model):
    """Time budgets of a run."""

    queue: QueueTimeout = seconds(3600)
    start: Duration = Field(seconds(120), description="From the start until every worker is ready. Default 2m.")
    teardown: Duration = Field(
        seconds(120),
        description="For taking the workers away; beyond it the blocker is named in the condition TornDown and taking "
        "away goes on. Default 2m.",
    )
    total: TotalTimeout = None


class LoadTestTarget(Target):
    """Where the load goes: a port of a Service."""

    namespace: Label | None = Field(
        None,
        description="Namespace of the Service. Default: the resource's own. Any other must be allowed to it by the "
        "platform team (allowedTargets in the chart's values), and its Service must have a cluster IP and a selector.",
    )


class LoadTestSpec(Steered, LoadSpec):
    """Load against a Service. A new run starts whenever what is run changes."""

    target: LoadTestTarget = Field(description="Where the load goes.")
    timeouts: LoadTimeouts = Field(LoadTimeouts(), description="Time budgets.")
    run: RunToken = None
    schedule: ScheduleField = None
    suspend: Suspend = False
    stop: StopField = None
    concurrency: ConcurrencyField = None
    history: History = 10


class LoadTest(Model):
    """Generates load from worker pods, merges their results exactly and judges thresholds on the merge."""

    plural: ClassVar[str] = "loadtests"
    short_name: ClassVar[str] = "ldt"
    printer_columns: ClassVar[tuple[dict[str, Any], ...]] = (
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {"name": "Verdict", "type": "string", "jsonPath": ".status.verdict"},
        {"name": "Requests", "type": "integer", "jsonPath": ".status.result.requests"},
        {
            "name": "Rate",
            "type": "number",
            "jsonPath": ".status.result.achievedRate",
            "description": "Requests per second.",
        },
        {"name": "P99", "type": "string", "jsonPath": ".status.result.latency.p99"},
        {"name": "Errors", "type": "integer", "jsonPath": ".status.result.errors"},
        {"name": "Reason", "type": "string", "jsonPath": ".status.reason"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
    )

    spec: LoadTestSpec = Field(description="The load that is wanted.")
    status: LoadTestStatus | None = Field(None, description="The load test as it is; written by Seatrial alone.")
