"""What became of waiting: by the clock, or by what the cluster tells of an object."""

from datetime import datetime

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState, StepStatus
from seatrial.api.timestamp import moment, stamp_seconds
from seatrial.api.wait import Wait
from seatrial.plan.observed import Observed


def ends_at(wait: Wait, status: StepStatus) -> datetime | None:
    """When a pause is over; None for waiting for a condition."""
    return moment(status.started_at or "") + wait.duration if wait.duration is not None else None


def judge_wait(wait: Wait, status: StepStatus, observed: Observed, now: datetime) -> Outcome | None:
    """Judges waiting that has begun. Returns None while it goes on."""
    end = ends_at(wait, status)
    if end is not None:
        return Outcome(StepState.SUCCEEDED, "Waited") if now >= end else None
    wanted = wait.for_
    assert wanted is not None  # noqa: S101 - one of the two is given
    if wanted.condition in observed.true_conditions.get((wanted.kind, wanted.name), ()):
        return Outcome(StepState.SUCCEEDED, "ConditionMet", f"{wanted.title} is {wanted.condition}")
    return None


def late(wait: Wait, observed: Observed) -> StepState:
    """How waiting ends that took too long: an object that is not there cannot be blamed for what it is not."""
    there = wait.for_ is not None and (wait.for_.kind, wait.for_.name) in observed.true_conditions
    return StepState.FAILED if there else StepState.ERROR


def waits_for(wait: Wait, status: StepStatus, observed: Observed) -> str:
    """Says what waiting goes on for."""
    end = ends_at(wait, status)
    if end is not None:
        return f"until {stamp_seconds(end)}"
    assert wait.for_ is not None  # noqa: S101 - one of the two is given
    wanted = wait.for_
    if (wanted.kind, wanted.name) not in observed.true_conditions:
        return f"there is no {wanted.title} yet"
    return f"{wanted.title} is not {wanted.condition} yet"
