"""When a run's report is written: after the verdict and before the first deletion, and again when all is gone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from seatrial.api.status import LoadTestStatus, Phase, ReportStatus, TestScenarioStatus, TrialStatus
from seatrial.api.timestamp import moment
from seatrial.plan.decision import Action, Decision, DeleteReports, StartJob, WriteReport, earliest
from seatrial.plan.evidence import PATIENCE, wanted_courses, wanted_files, wanted_tails
from seatrial.plan.observed import Observed

Status = TypeVar("Status", bound=TrialStatus)


def reported(
    before: TrialStatus, decision: Decision[Status], observed: Observed, now: datetime, *, deleting: bool
) -> Decision[Status]:
    """Adds to a decision what the run's evidence and its report need.

    Args:
        before: Status up to now.
        decision: What was decided without regard to them.
        observed: What was seen.
        now: The present.
        deleting: Whether the resource is going away, and every report with it.
    """
    if dropped := forgotten(before, decision.status):
        decision = replace(decision, actions=(*decision.actions, DeleteReports(dropped)))
    status = decision.status
    if status.run is None or status.run.started_at is None:
        return decision  # what never began has nothing to report
    if before.phase is Phase.DONE and _stored(before, status):
        return decision
    tails, files = wanted_tails(status, observed), wanted_files(observed)
    activities = replace(decision.activities, tails=tails, files=files)
    decision = replace(decision, activities=activities)
    if observed.report is None or deleting or status.verdict is None:
        return decision
    written = _told(observed, status.run.id)
    if written is not None and status.report != written:
        decision = replace(decision, status=status.model_copy(update={"report": written}))
    if not _stored(before, status):
        return _held_open(decision)
    if status.phase is Phase.DONE:
        settled = observed.report.final or observed.report.given_up
        return decision if settled else _held_open(decision, WriteReport(final=True))
    unwritten = observed.report.written is None and not observed.report.given_up
    if unwritten and (courses := wanted_courses(status, observed)):
        following = replace(decision.activities, follows=decision.activities.follows | courses)
        return replace(decision, activities=following, actions=())
    return _before_deletions(decision, observed, now, outstanding=bool(tails or files))


def forgotten(before: TrialStatus, after: TrialStatus) -> tuple[str, ...]:
    """ConfigMaps with reports of runs that status will not remember any more."""
    kept = {*_current(after), *(name for run in after.history for name in run.report), *_baseline(after)}
    known = [*_current(before), *(name for run in before.history for name in run.report), *_baseline(before)]
    return tuple(name for name in dict.fromkeys(known) if name not in kept)


def _baseline(status: TrialStatus) -> list[str]:
    """A report stays for as long as runs are compared with it."""
    return status.baseline.report if isinstance(status, LoadTestStatus) and status.baseline else []


def _current(status: TrialStatus) -> list[str]:
    return status.report.config_maps if status.report else []


def _told(observed: Observed, run: str) -> ReportStatus | None:
    if observed.report is None:
        return None
    if observed.report.written is not None:
        return observed.report.written
    return ReportStatus(run=run, message=observed.report.given_up) if observed.report.given_up else None


def _stored(before: TrialStatus, after: TrialStatus) -> bool:
    """Whether the verdict was decided on in an earlier turn, and so is on record."""
    same = before.run is not None and after.run is not None and before.run.id == after.run.id
    return same and before.verdict is not None


def _held_open(decision: Decision[Status], *actions: Action) -> Decision[Status]:
    """Leaves a run that is over in its teardown for as long as its report is not written."""
    if decision.status.phase is not Phase.DONE:
        return decision
    status = decision.status.model_copy(update={"phase": Phase.TEARDOWN})
    return replace(decision, status=status, actions=actions)


def _before_deletions(
    decision: Decision[Status], observed: Observed, now: datetime, *, outstanding: bool
) -> Decision[Status]:
    """Has what pods tell read, and the report written, before the first of them is taken away."""
    assert observed.report is not None  # noqa: S101 - the caller has asked
    until = _evidence_until(decision.status)
    settled = observed.report.written is not None or bool(observed.report.given_up)
    if outstanding and now < until:
        waiting = tuple(action for action in decision.actions if isinstance(action, StartJob))
        return replace(decision, actions=waiting, wake_at=earliest([decision.wake_at, until]))
    if settled:
        return decision
    return replace(decision, actions=(WriteReport(), *decision.actions))


def _evidence_until(status: TrialStatus) -> datetime:
    """Until when evidence is waited for: a little longer than the last thing that could leave some."""
    ends = [status.run.finished_at if status.run else None]
    if isinstance(status, TestScenarioStatus):
        ends += [step.finished_at for step in status.teardown]
    return max((moment(end) for end in ends if end), default=moment("1970-01-01T00:00:00Z")) + _SLACK


#: Reading has its own limit, which is the shorter one; this is for when it has nobody to keep it.
_SLACK = PATIENCE + timedelta(seconds=1)
