"""What stays after a bad end, to be looked into: the environment of a scenario, the workers of a load test."""

from datetime import datetime
from typing import TypeVar

from seatrial.api.control import RetainWhen
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import shortened
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, TrialStatus, Verdict
from seatrial.api.timestamp import moment, stamp, stamp_seconds
from seatrial.plan.observed import Observed
from seatrial.plan.trial import Subject

Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Status = TypeVar("Status", bound=TrialStatus)

#: What a message says besides, while it is there.
_MARK = " (kept until "


def retained(subject: Subject[Spec, Status], status: Status, look: str, now: datetime) -> Status:
    """Keeps what a run has made that was judged, if that is asked for.

    Args:
        subject: The resource.
        status: Its status, with the verdict in it.
        look: The command that shows it; empty if there is nothing that can be kept.
        now: The present.
    """
    spec = subject.spec
    failed = status.verdict not in {Verdict.PASSED, Verdict.CANCELLED, None}
    if spec is None or not look or not failed or spec.retain.when is RetainWhen.NEVER:
        return status
    until = stamp_seconds(now + spec.retain.timeout)
    said = f"{_MARK}{until}: {look})"
    return status.model_copy(
        update={"phase": Phase.RETAINED, "message": shortened(status.message, 900 - len(said)) + said}
    )


def retention_ends(
    subject: Subject[Spec, Status], observed: Observed, now: datetime, *, there: bool
) -> datetime | None:
    """When what was kept goes; None if it must go now.

    Args:
        subject: The resource, of whose run something is kept.
        observed: What was seen.
        now: The present.
        there: Whether it is still there.
    """
    spec, status = subject.spec, subject.status
    if subject.superseded or observed.place.end or spec is None or spec.retain.when is RetainWhen.NEVER or not there:
        return None
    if status.schedule and status.schedule.next and moment(status.schedule.next) <= now and not spec.suspend:
        return None
    end = _began(status) + spec.retain.timeout
    return end if end > now else None


def let_go(status: Status, now: datetime) -> Status:
    """Has the teardown begin, with its whole time."""
    assert status.run is not None  # noqa: S101 - only runs are kept
    run = status.run.model_copy(update={"phase_since": stamp(now)})
    message = status.message.partition(_MARK)[0]
    return status.model_copy(update={"phase": Phase.TEARDOWN, "run": run, "message": message})


def _began(status: TrialStatus) -> datetime:
    return moment((status.run.phase_since if status.run else None) or "")
