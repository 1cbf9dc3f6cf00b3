"""The whole status of either kind."""

from typing import Annotated

from pydantic import Field

from seatrial.api.base import Without, list_map
from seatrial.api.status.admission import QueueStatus, ScheduleStatus
from seatrial.api.status.baseline import BaselineStatus
from seatrial.api.status.condition import Condition
from seatrial.api.status.load import LoadResult
from seatrial.api.status.model import Message, StatusModel
from seatrial.api.status.run import ReportStatus, RunStatus, RunSummary
from seatrial.api.status.service import ServiceStatus
from seatrial.api.status.state import Phase, Verdict
from seatrial.api.status.step import StepStatus

#: What runs before and after the steps is a Job: it has no load, whose result is most of a step's schema.
_JobStepStatus = Annotated[StepStatus, Without("load")]


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


class LoadTestStatus(TrialStatus):
    """Status of a LoadTest."""

    result: LoadResult | None = Field(None, description="The merged result, live while the test runs.")
    baseline: BaselineStatus | None = Field(
        None, description="The earlier run that this one is compared with, if spec.baseline is given."
    )
