"""What a plan consists of: writes to make, activities to keep going, a status to show, a time to look again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from seatrial.api import names
from seatrial.api.status import TestScenarioStatus, TrialStatus

Status = TypeVar("Status", bound=TrialStatus)


@dataclass(frozen=True)
class Action:
    """One write to the cluster. All are create-or-adopt or delete-if-there, so repeating one is harmless."""

    @property
    def key(self) -> str:
        """Names the action, to remember that the API server refused it."""
        return type(self).__name__


@dataclass(frozen=True)
class AddFinalizer(Action):
    """Put our finalizer on the resource."""


@dataclass(frozen=True)
class RemoveFinalizer(Action):
    """Take our finalizer off the resource."""


@dataclass(frozen=True)
class CreateEnvironment(Action):
    """Create the run's namespace with its guards; beside the resource, the record of the run."""


@dataclass(frozen=True)
class CopyInputs(Action):
    """Copy the Secrets and ConfigMaps that the environment lists into it."""


@dataclass(frozen=True)
class StartService(Action):
    """Create a service's workload and Services, and what its pods need."""

    service: str

    @property
    def key(self) -> str:
        """See Action.key."""
        return f"StartService/{self.service}"


@dataclass(frozen=True)
class StartJob(Action):
    """Create the Job of a setup, step or teardown entry, for one attempt."""

    step: str
    attempt: int = 1

    @property
    def key(self) -> str:
        """See Action.key."""
        return f"StartJob/{names.attempt(self.step, self.attempt)}"


@dataclass(frozen=True)
class StartLoad(Action):
    """Create the Indexed Job with the workers of a load, for one attempt; of a LoadTest, the step is its name."""

    step: str
    attempt: int = 1

    @property
    def key(self) -> str:
        """See Action.key."""
        return f"StartLoad/{names.attempt(self.step, self.attempt)}"


@dataclass(frozen=True)
class BeginLoad(Action):
    """Tell workers when to begin, which wait for that.

    Attributes:
        step: Name of the attempt.
        pods: Names of the workers' pods.
        at: The moment, the same for all workers of a load.
    """

    step: str
    pods: tuple[str, ...]
    at: str

    @property
    def key(self) -> str:
        """See Action.key."""
        return f"BeginLoad/{self.step}"


@dataclass(frozen=True)
class StopAttempt(Action):
    """Delete the Job of an attempt whose time is over, so that it does not meet the next one."""

    step: str
    attempt: int


@dataclass(frozen=True)
class StopServices(Action):
    """Delete the workloads of some services, and the Jobs of all steps, while other services still run."""

    services: tuple[str, ...]


@dataclass(frozen=True)
class StopLoad(Action):
    """Delete the Job with the workers of a load, which ends them with their last lines."""

    step: str

    @property
    def key(self) -> str:
        """See Action.key."""
        return f"StopLoad/{self.step}"


@dataclass(frozen=True)
class StopWorkloads(Action):
    """Delete whatever makes pods of the run, so that its pods end before their namespace does (KEP-5080)."""


@dataclass(frozen=True)
class DeleteNamespace(Action):
    """Delete the environment's namespace, if it is still the one with this UID."""

    uid: str


@dataclass(frozen=True)
class DeleteRest(Action):
    """Delete what is left of a run in the resource's own namespace, once its workloads are gone; its record last."""


@dataclass(frozen=True)
class WriteReport(Action):
    """Write the run's report into ConfigMaps beside the resource."""

    final: bool = False

    @property
    def key(self) -> str:
        """See Action.key."""
        return f"WriteReport/{'final' if self.final else 'verdict'}"


@dataclass(frozen=True)
class DeleteReports(Action):
    """Delete the ConfigMaps with reports of runs that status does not remember any more."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Activities:
    """What should be going on in this process. The engine starts what is missing and stops what is not here.

    Attributes:
        probes: Services to probe until they are healthy.
        watches: Services to go on probing, which have been healthy.
        conditions: Steps whose ``when`` to judge.
        checks: Attempts whose request to send.
        follows: Attempts whose workers' output to follow.
        tails: Pods of whose log to read the end.
        files: Pods whose sidecar's output to read.
        baseline: ConfigMaps with the report of the run to compare with, to read, in their order.
    """

    probes: frozenset[str] = frozenset()
    watches: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    tails: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    baseline: tuple[str, ...] = ()


@dataclass(frozen=True)
class Announcement:
    """An Event for the resource.

    Attributes:
        warning: Whether it is of type Warning instead of Normal.
        reason: The same word as in the condition.
        message: Sentence for a person.
    """

    warning: bool
    reason: str
    message: str


@dataclass(frozen=True)
class Decision(Generic[Status]):
    """The outcome of planning.

    Attributes:
        status: What status should say.
        actions: Writes, in this order.
        activities: What should be going on afterwards.
        wake_at: When to plan again if nothing happens before.
        urgent: Whether status must be stored before activities start: a request that may not be sent twice needs
            its intent on record first.
        announcements: Events to emit.
    """

    status: Status
    actions: tuple[Action, ...] = ()
    activities: Activities = field(default_factory=Activities)
    wake_at: datetime | None = None
    urgent: bool = False
    announcements: tuple[Announcement, ...] = ()


ScenarioDecision = Decision[TestScenarioStatus]


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """The first of some moments, of which any may be absent."""
    return min((moment for moment in moments if moment is not None), default=None)
