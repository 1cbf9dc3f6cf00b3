"""What the plans of both kinds share: the resource as it stands, and how a run begins, is judged and is forgotten."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, TypeVar

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import shortened
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, RunStatus, RunSummary, TestScenarioStatus, TrialStatus, Verdict
from seatrial.api.timestamp import moment, stamp
from seatrial.plan.conditions import CONDITION_BYTES
from seatrial.plan.decision import Action, Announcement, RemoveFinalizer
from seatrial.plan.verdict import Judgement

Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Status = TypeVar("Status", bound=TrialStatus)

#: Runs kept in status.history.
HISTORY = 10


class Standing(Enum):
    """What a resource asks for."""

    ACTIVE = "a run is under way, its teardown included"
    NEW = "a run is to begin"
    INVALID = "its spec is wrong, so that none can"
    IDLE = "nothing is to be done, but perhaps to let go"


@dataclass(frozen=True)
class Subject(Generic[Spec, Status]):
    """A resource as it stands.

    Attributes:
        name: Its name.
        namespace: Where it is.
        uid: Its UID.
        generation: Generation of its spec.
        deleting: Whether its deletion was asked for.
        finalizer: Whether our finalizer is on it.
        spec: Its spec, or None if that is invalid.
        invalid: What is wrong with the spec.
        running: Spec of the run under way, which an edit does not change.
        status: Its status as last written.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    deleting: bool
    finalizer: bool
    spec: Spec | None
    invalid: str
    running: Spec | None
    status: Status

    @property
    def active(self) -> bool:
        """Whether a run is under way, its teardown included."""
        return self.status.active

    @property
    def changed(self) -> bool:
        """Whether the spec, which is valid, says to run something else than the run in status."""
        run = self.status.run
        if run is None or self.spec is None or not run.spec_hash:
            return run is None or run.generation != self.generation
        return run.spec_hash != self.spec.spec_hash

    @property
    def standing(self) -> Standing:
        """What it asks for now."""
        if self.active:
            return Standing.ACTIVE
        if self.deleting:
            return Standing.IDLE
        if self.spec is None:
            return Standing.INVALID
        return Standing.NEW if self.changed or self.status.waiting else Standing.IDLE

    @property
    def superseded(self) -> Judgement | None:
        """Why the run under way must end now, if so."""
        if self.deleting:
            return Judgement(Verdict.CANCELLED, "Deleted", "the resource was deleted during the run")
        if self.status.run and self.changed:
            return Judgement(Verdict.CANCELLED, "SpecChanged", "the spec was changed during the run")
        return None

    @property
    def suspended(self) -> bool:
        """Whether nothing new is to start."""
        return self.spec is not None and self.spec.suspend

    @property
    def letting_go(self) -> tuple[Action, ...]:
        """Takes the finalizer off when nothing is left to take away."""
        return (RemoveFinalizer(),) if self.finalizer else ()


Scenario = Subject[TestScenarioSpec, TestScenarioStatus]


def begun(run: RunStatus, now: datetime, namespace: str | None = None) -> RunStatus:
    """Begins a run that was asked for."""
    return run.model_copy(update={"namespace": namespace, "started_at": stamp(now), "phase_since": stamp(now)})


def phase_began(status: TrialStatus) -> datetime:
    """When the phase began that a run is in."""
    assert status.run is not None  # noqa: S101 - phases belong to runs
    return moment(status.run.phase_since or status.run.started_at or "")


def remembered(status: TrialStatus) -> list[RunSummary]:
    """The history with the last run at its head."""
    if status.run is None or status.verdict is None:
        return status.history
    last = RunSummary(
        id=status.run.id,
        load_hash=status.run.load_hash,
        verdict=status.verdict,
        reason=status.reason,
        flaky=status.flaky if isinstance(status, TestScenarioStatus) else None,
        started_at=status.run.started_at,
        finished_at=status.run.finished_at,
        report=status.report.config_maps if status.report else [],
    )
    return [last, *status.history][:HISTORY]


def retry_delay(overdue: timedelta) -> timedelta:
    """Looks again after a fifth of the time already waited, from a second to five minutes."""
    return min(max(overdue / 5, timedelta(seconds=1)), timedelta(minutes=5))


def refused(subject: Subject[Spec, Status]) -> Status:
    """An invalid spec starts nothing; what the last run left in status would now mislead, so it moves to history."""
    status, message = subject.status, subject.invalid[:1000]
    if status.reason == "InvalidSpec" and status.run is None:
        return status.model_copy(update={"observed_generation": subject.generation, "message": message})
    return type(status)(
        observed_generation=subject.generation,
        reason="InvalidSpec",
        message=message,
        history=remembered(status),
    )


def judged(status: Status, judgement: Judgement, now: datetime) -> Status:
    """Puts the verdict into status, and the run into its teardown."""
    assert status.run is not None  # noqa: S101 - only runs are judged
    run = status.run.model_copy(update={"finished_at": stamp(now), "phase_since": stamp(now)})
    return status.model_copy(
        update={
            "phase": Phase.TEARDOWN,
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "message": shortened(judgement.message, CONDITION_BYTES),
            "run": run,
        }
    )


def announced(before: TrialStatus, after: TrialStatus, invalid: str) -> tuple[Announcement, ...]:
    """Events for what a person would want to hear of: an invalid spec, a start, a verdict, a blocked teardown."""
    said: list[Announcement] = []
    invalid = shortened(invalid, CONDITION_BYTES)
    stalled = {condition.type: condition.message for condition in before.conditions if condition.status == "True"}
    if invalid and stalled.get("Stalled") != invalid:
        said.append(Announcement(True, "InvalidSpec", invalid))
    other = after.run is not None and (before.run is None or before.run.id != after.run.id)
    if after.run and after.run.started_at and (other or not (before.run and before.run.started_at)):
        said.append(Announcement(False, "Started", f"run {after.run.id} started"))
    if after.waiting and (other or before.reason != after.reason):
        said.append(Announcement(False, after.reason, f"waits: {after.message}"))
    if after.schedule and after.schedule.missed > (before.schedule.missed if before.schedule else 0):
        said.append(Announcement(True, "ScheduleMissed", f"no run was started: {after.schedule.reason}"))
    if after.verdict and (other or before.verdict is None):
        warning = after.verdict is not Verdict.PASSED
        said.append(Announcement(warning, after.reason, f"{after.verdict}: {after.message}"))
    if _blocker(after) and _blocker(after) != _blocker(before):
        said.append(Announcement(True, "Blocked", _blocker(after)))
    return tuple(said)


def _blocker(status: TrialStatus) -> str:
    return next((c.message for c in status.conditions if c.type == "TornDown" and c.reason == "Blocked"), "")
