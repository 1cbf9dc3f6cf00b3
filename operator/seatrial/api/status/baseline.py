"""The comparison with an earlier run."""

from pydantic import Field

from seatrial.api.status.model import Message, StatusModel
from seatrial.api.status.state import ThresholdState, Verdict


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
