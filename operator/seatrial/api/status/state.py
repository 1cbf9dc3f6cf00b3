"""The words of a status: where something is, how it ended, and what that means."""

from enum import StrEnum


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


class ThresholdState(StrEnum):
    """What became of a threshold."""

    PENDING = "Pending"
    PASSED = "Passed"
    FAILED = "Failed"
    NO_DATA = "NoData"
