"""What a user gets back: verdicts, conditions, results of steps and of load."""

from seatrial.api.status.admission import QueueStatus, ScheduleStatus
from seatrial.api.status.baseline import BaselineStatus, MetricComparison
from seatrial.api.status.condition import Condition
from seatrial.api.status.load import (
    ErrorCount,
    GeneratorResult,
    LatencySummary,
    LoadResult,
    RequestResult,
    ThresholdResult,
)
from seatrial.api.status.model import MESSAGE_BYTES, Message, StatusModel, Timestamped
from seatrial.api.status.run import ReportStatus, RunStatus, RunSummary
from seatrial.api.status.service import ServiceStatus
from seatrial.api.status.state import Phase, ServiceState, StepState, ThresholdState, Verdict
from seatrial.api.status.step import JUnitCounts, StepStatus
from seatrial.api.status.trial import LoadTestStatus, TestScenarioStatus, TrialStatus
from seatrial.api.status.use import ResourceUse

__all__ = [
    "MESSAGE_BYTES",
    "BaselineStatus",
    "Condition",
    "ErrorCount",
    "GeneratorResult",
    "JUnitCounts",
    "LatencySummary",
    "LoadResult",
    "LoadTestStatus",
    "Message",
    "MetricComparison",
    "Phase",
    "QueueStatus",
    "ReportStatus",
    "RequestResult",
    "ResourceUse",
    "RunStatus",
    "RunSummary",
    "ScheduleStatus",
    "ServiceState",
    "ServiceStatus",
    "StatusModel",
    "StepState",
    "StepStatus",
    "TestScenarioStatus",
    "ThresholdResult",
    "ThresholdState",
    "Timestamped",
    "TrialStatus",
    "Verdict",
]
