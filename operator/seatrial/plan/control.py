"""Whether a run that is asked for begins: what both kinds have in common about waiting, stopping and being told to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from seatrial.api.control import ScenarioNeed, Stop
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import shortened
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, QueueStatus, RunStatus, TrialStatus, Verdict
from seatrial.api.timestamp import moment, stamp
from seatrial.plan.conditions import CONDITION_BYTES
from seatrial.plan.dependencies import unmet
from seatrial.plan.observed import Observed
from seatrial.plan.queue import CONCURRENCY, NAMESPACE, OPERATOR, Entry
from seatrial.plan.schedule import Timetable, keep_time
from seatrial.plan.trial import Standing, Subject, remembered
from seatrial.plan.verdict import Judgement

Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Status = TypeVar("Status", bound=TrialStatus)

_REPLACED = "a newer run of its group takes its place"


@dataclass(frozen=True)
class Wish:
    """A run that is asked for.

    Attributes:
        run: What it will be called and what it is about.
        timetable: The schedule, as it is once the wish is taken up.
    """

    run: RunStatus | None
    timetable: Timetable


def wish(subject: Subject[Spec, Status], observed: Observed, now: datetime) -> Wish:
    """Says which run a resource asks for now, if any. A name once given to a run that waits stays."""
    status, spec = subject.status, subject.spec
    over = status.phase in {Phase.RETAINED, Phase.TEARDOWN}  # the time is taken up when everything is away
    if spec is None or subject.deleting or over:
        return Wish(None, Timetable(status.schedule))
    timetable = keep_time(spec.schedule, status.schedule, now, taken=_taken(subject, spec, observed))
    if subject.standing is Standing.NEW:
        return Wish(_named(subject, spec), timetable)
    if timetable.due is None:
        return Wish(None, timetable)
    run = RunStatus(
        id=f"{subject.generation}-{timetable.due:%Y%m%d%H%M}",
        generation=subject.generation,
        spec_hash=spec.spec_hash,
        scheduled_for=stamp(timetable.due),
    )
    return Wish(run, timetable)


def _named(subject: Subject[Spec, Status], spec: TestScenarioSpec | LoadTestSpec) -> RunStatus:
    run = subject.status.run
    if run is not None and subject.status.waiting and run.spec_hash == spec.spec_hash:
        return run.model_copy(update={"generation": subject.generation})
    return RunStatus(id=str(subject.generation), generation=subject.generation, spec_hash=spec.spec_hash)


def _taken(subject: Subject[Spec, Status], spec: TestScenarioSpec | LoadTestSpec, observed: Observed) -> str:
    """Why the schedule can start nothing now."""
    run = subject.status.run
    if subject.active and run is not None:
        return f"run {run.id} was under way"
    if subject.standing is Standing.NEW:
        return "another run was about to begin"
    if spec.stop:
        return "spec.stop was set"
    return "spec.suspend was true" if spec.suspend else observed.cycle


def queue_entry(key: str, subject: Subject[Spec, Status], observed: Observed, now: datetime) -> Entry | None:
    """What a resource stands for in the line: room that it has, room that it wants, or nothing.

    Our finalizer is what says that it has room, because it is stored before a run's first effect and goes after the
    last. So an operator that was killed in between finds out who has room from the resources alone.

    Args:
        key: Names the resource.
        subject: The resource.
        observed: What was seen.
        now: The present.
    """
    spec, status = subject.spec, subject.status
    run = wish(subject, observed, now).run
    wants = run is not None and spec is not None and not (spec.stop or spec.suspend or observed.cycle)
    wants = wants and not unmet(needs(spec), observed.scenarios, now)
    active = subject.finalizer or subject.active
    if not wants and not active:
        return None
    steering = spec or subject.running
    group = steering.concurrency if steering else None
    began = status.run.started_at if status.run and subject.active else None
    since = moment(began) if began else _since(status, run, now)
    entry = Entry(key, subject.namespace, since, active=active, wants=wants)
    if group is None or steering is None:
        return entry
    return replace(
        entry, group=group.group or _by_target(steering, subject.namespace), max=group.max, policy=group.policy
    )


def _by_target(spec: TestScenarioSpec | LoadTestSpec, home: str) -> str:
    """The group of load tests that name none; no name of a group looks like this."""
    assert isinstance(spec, LoadTestSpec)  # noqa: S101 - scenarios name their group
    return f"target/{spec.target.namespace or home}/{spec.target.service}"


def needs(spec: TestScenarioSpec | LoadTestSpec | None) -> Sequence[ScenarioNeed]:
    """Scenarios whose verdicts a run waits for."""
    return spec.depends_on if isinstance(spec, TestScenarioSpec) else ()


def _since(status: TrialStatus, run: RunStatus | None, now: datetime) -> datetime:
    """Since when that run is asked for."""
    same = status.waiting and status.run is not None and run is not None and status.run.id == run.id
    return moment(status.queue.since) if same and status.queue else now


def hold(
    subject: Subject[Spec, Status], run: RunStatus, observed: Observed, now: datetime
) -> tuple[Status, datetime | None] | None:
    """Says what keeps a run that is asked for from beginning.

    Args:
        subject: The resource, whose spec is valid.
        run: The run.
        observed: What was seen.
        now: The present.

    Returns:
        The status while it waits, or of its end if it will never begin, and when to look again; None if it begins.
    """
    spec, place = subject.spec, observed.place
    assert spec is not None  # noqa: S101 - only a valid spec asks for a run
    if spec.stop:
        message = "spec.stop is set: take it out and change spec.run to run it"
        return _ended(subject, run, Judgement(Verdict.CANCELLED, "Stopped", message), now), None
    if spec.suspend:
        return _waiting(subject, run, None, "Suspended", "spec.suspend is true"), None
    waits = unmet(needs(spec), observed.scenarios, now)
    if not waits and place.admitted:
        return None
    if not waits and place.pending:
        return subject.status, None
    if not waits and place.end:
        message = (
            f"{_full(place.behind)}: {_REPLACED if place.end == 'Replaced' else 'spec.concurrency.policy is Reject'}"
        )
        return _ended(subject, run, Judgement(Verdict.CANCELLED, place.end, message), now), None
    since = _since(subject.status, run, now)
    deadline = since + spec.timeouts.queue
    message = waits or _room(place.reason, place.position, place.behind)
    if now >= deadline:
        late = f"did not begin within {spec.timeouts.queue.total_seconds():g}s: {message}"
        return _ended(subject, run, Judgement(Verdict.TIMED_OUT, "QueueTimeout", late), now), None
    queue = QueueStatus(since=stamp(since))
    if not waits:
        queue = queue.model_copy(update={"position": place.position, "behind": place.behind})
    return _waiting(subject, run, queue, "WaitingForScenario" if waits else place.reason, message), deadline


def _full(behind: str) -> str:
    return f"its group is full ({behind})" if behind else "its group is full"


def _room(reason: str, position: int, behind: str) -> str:
    what = {
        CONCURRENCY: "its group is full",
        NAMESPACE: "its namespace has as many runs as the operator allows",
        OPERATOR: "the operator has as many runs as it takes on",
    }[reason]
    return f"{what}; number {position} in line" + (f", behind {behind}" if behind else "")


def _waiting(
    subject: Subject[Spec, Status], run: RunStatus, queue: QueueStatus | None, reason: str, message: str
) -> Status:
    status = subject.status
    if not (status.waiting and status.run and status.run.id == run.id):
        status = type(status)(phase=Phase.QUEUED, history=remembered(status))
    update = {
        "observed_generation": subject.generation,
        "run": run,
        "queue": queue,
        "reason": reason,
        "message": shortened(message, CONDITION_BYTES),
    }
    return status.model_copy(update=update)


def _ended(subject: Subject[Spec, Status], run: RunStatus, judgement: Judgement, now: datetime) -> Status:
    return type(subject.status)(
        observed_generation=subject.generation,
        phase=Phase.DONE,
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=shortened(judgement.message, CONDITION_BYTES),
        run=run.model_copy(update={"finished_at": stamp(now)}),
        history=remembered(subject.status),
    )


def steered(subject: Subject[Spec, Status], status: Status, wished: Wish) -> Status:
    """Puts into a status what an edit of what only steers changes at once.

    Args:
        subject: The resource.
        status: What was decided otherwise.
        wished: What it asked for.
    """
    spec, run, timetable = subject.spec, status.run, wished.timetable
    taken_up = timetable.due is None or (run is not None and wished.run is not None and run.id == wished.run.id)
    update: dict[str, object] = {"schedule": timetable.status if taken_up else subject.status.schedule}
    if spec is not None and not subject.deleting:
        update["history"] = status.history[: spec.history]
        if run is not None and run.spec_hash == spec.spec_hash:
            update["observed_generation"] = subject.generation
            update["run"] = run.model_copy(update={"generation": subject.generation})
    return status.model_copy(update=update)


def interrupted(subject: Subject[Spec, Status], observed: Observed) -> Judgement | None:
    """Why the run under way must end now, whatever it has come to."""
    if observed.place.end:
        return Judgement(Verdict.CANCELLED, observed.place.end, f"{observed.place.behind}: {_REPLACED}")
    return subject.superseded


def stopping(subject: Subject[Spec, Status]) -> Stop | None:
    """How the run under way is to be stopped; once it is, taking the field out again does not change that."""
    if subject.spec is not None and subject.spec.stop:
        return subject.spec.stop
    run = subject.status.run
    return Stop(run.stop) if run is not None and run.stop else None


def stopped(status: TrialStatus, judgement: Judgement) -> Judgement:
    """The verdict of a run, in view of whether it was stopped: what did not run proves nothing."""
    if status.run is not None and status.run.stop and judgement.verdict is not Verdict.CANCELLED:
        return STOPPED
    return judgement


STOPPED = Judgement(Verdict.CANCELLED, "Stopped", "spec.stop ended the run")


def marked(status: Status, stop: Stop) -> Status:
    """Notes that a run is being stopped."""
    assert status.run is not None  # noqa: S101 - only runs are stopped
    return status.model_copy(update={"run": status.run.model_copy(update={"stop": stop.value})})


def next_time(status: TrialStatus, now: datetime) -> datetime | None:
    """When the schedule wants to be looked at."""
    time = moment(status.schedule.next) if status.schedule and status.schedule.next else None
    return time if time is not None and time > now else None


def total_end(subject: Subject[Spec, Status]) -> datetime | None:
    """When the whole run must have come to its verdict."""
    spec, run = subject.running, subject.status.run
    if spec is None or run is None or spec.timeouts.total is None or run.started_at is None:
        return None
    return moment(run.started_at) + spec.timeouts.total


TOTAL_TIMEOUT = Judgement(Verdict.TIMED_OUT, "TotalTimeout", "there was no verdict within timeouts.total")
