"""The kind LoadTest: load against a Service that already exists."""

import hashlib
import json
from typing import Any, ClassVar, Self, cast

from pydantic import Field, model_validator

from seatrial.api.base import Model
from seatrial.api.baseline import LEAST_SECONDS, Baseline
from seatrial.api.control import (
    STEERING,
    History,
    LoadConcurrencyField,
    QueueTimeout,
    Retain,
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


#: What judges a load, or says when it runs, and leaves what is sent as it is.
_NO_LOAD = frozenset({"baseline", "observe", "run", "thresholds", "timeouts"}) | STEERING

_OF_LOAD = cast("dict[str, Any]", LoadSpec.model_config["json_schema_extra"])
_TOO_SHORT = f"a comparison needs a load that is measured for {LEAST_SECONDS}s or more"
_ENOUGH = f"duration('{LEAST_SECONDS}s')"
_LONG_ENOUGH = (
    f"!has(self.baseline) || (has(self.profile.duration) ? duration(self.profile.duration) >= {_ENOUGH} : "
    "!has(self.profile.stages) || self.profile.stages.map(s, duration(s.duration)).sum() >= "
    f"{_ENOUGH} + (has(self.profile.warmup) ? duration(self.profile.warmup) : duration('0s')))"
)


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
    baseline: Baseline | None = Field(
        None, description="An earlier run of the same load that this one must not be worse than. Default: none."
    )
    timeouts: LoadTimeouts = Field(LoadTimeouts(), description="Time budgets.")
    run: RunToken = None
    schedule: ScheduleField = None
    suspend: Suspend = False
    stop: StopField = None
    concurrency: LoadConcurrencyField = None
    retain: Retain = Field(Retain(), description="Whether workers stay for a while to be looked into.")
    history: History = 10

    model_config = {
        "json_schema_extra": {
            "x-kubernetes-validations": [
                *_OF_LOAD["x-kubernetes-validations"],
                {"rule": _LONG_ENOUGH, "message": _TOO_SHORT},
            ]
        }
    }

    @property
    def load_hash(self) -> str:
        """Digest over what is sent and by what, without what judges it: runs with the same one can be compared."""
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(_NO_LOAD))
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _long_enough_to_compare(self) -> Self:
        if self.baseline is not None and self.profile.measured < seconds(LEAST_SECONDS):
            raise ValueError(_TOO_SHORT)
        return self


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
