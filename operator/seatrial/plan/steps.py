"""Steps as a graph: what may start, what has ended, what can never start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import JobStep, Need, NeedResult, Step
from seatrial.api.timestamp import moment, stamp
from seatrial.plan import jobs, load
from seatrial.plan.decision import Action, StartJob, StartLoad, earliest
from seatrial.plan.evidence import tail_patience_ends
from seatrial.plan.observed import Observed
from seatrial.plan.pods import patience_ends


@dataclass
class StepsPlan:
    """What to do about steps; filled while planning goes through them.

    Attributes:
        steps: Their new status, in the order of the spec.
        actions: Jobs to create.
        checks: Steps whose request should be under way.
        follows: Steps whose workers' output to follow.
        urgent: Whether a request starts that may not be sent twice.
        wake_at: When a deadline falls.
    """

    steps: list[StepStatus] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    follows: set[str] = field(default_factory=set)
    urgent: bool = False
    wake_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether every step has ended."""
        return all(step.state.ended for step in self.steps)


def plan_steps(steps: list[Step], before: list[StepStatus], observed: Observed, now: datetime) -> StepsPlan:
    """Plans the next moves of a graph of steps.

    Args:
        steps: The graph, without cycles.
        before: Their status up to now.
        observed: What was seen.
        now: The present.
    """
    known = {status.name: status for status in before}
    current = {step.name: known.get(step.name) or StepStatus(name=step.name) for step in steps}
    plan = StepsPlan()
    for step in steps:
        if current[step.name].state is StepState.RUNNING:
            current[step.name] = _progress(step, current[step.name], observed, now)
            # What must not be sent twice must not be forgotten either.
            plan.urgent |= current[step.name].state.ended and not (step.http is None or step.http.idempotent)
    # A step may end in the turn in which it could start (skipped), and that may free others.
    moved = True
    while moved:
        moved = False
        for step in steps:
            if current[step.name].state is StepState.PENDING:
                after = _try_start(step, current, plan, now)
                moved = moved or after is not current[step.name]
                current[step.name] = after
    for step in steps:
        if current[step.name].state is StepState.RUNNING:
            _keep_going(step, current[step.name], plan, observed, now)
    plan.steps = [current[step.name] for step in steps]
    return plan


def plan_sequence(
    entries: list[JobStep], before: list[StepStatus], observed: Observed, now: datetime, *, after: NeedResult
) -> StepsPlan:
    """Plans Jobs that run one after another.

    Args:
        entries: The Jobs, in their order.
        before: Their status up to now.
        observed: What was seen.
        now: The present.
        after: How each must have ended for the next one to run.
    """
    chain = [
        Step(
            name=entry.name,
            job=entry.job,
            timeout=entry.timeout,
            needs=[Need(step=entries[index - 1].name, result=after)] if index else [],
        )
        for index, entry in enumerate(entries)
    ]
    return plan_steps(chain, before, observed, now)


def cut_off(statuses: list[StepStatus], now: datetime, reason: str, message: str) -> list[StepStatus]:
    """Ends what has not ended: running steps are cancelled, pending ones skipped."""
    ends = {StepState.RUNNING: StepState.CANCELLED, StepState.PENDING: StepState.SKIPPED}
    return [
        status if status.state.ended else _ended(status, Outcome(ends[status.state], reason, message), now)
        for status in statuses
    ]


def _try_start(step: Step, current: Mapping[str, StepStatus], plan: StepsPlan, now: datetime) -> StepStatus:
    status = current[step.name]
    for need in step.needs:
        other = current[need.step]
        if not other.state.ended:
            return status
        if not _satisfies(other.state, need.result):
            skipped = Outcome(StepState.SKIPPED, "NeedNotMet", f"step {need.step} ended {other.state}")
            return _ended(status, skipped, now)
    if step.job:
        plan.actions.append(StartJob(step.name))
    elif step.load:
        plan.actions.append(StartLoad(step.name))
    elif step.http and not step.http.idempotent:
        plan.urgent = True
    return status.model_copy(
        update={"state": StepState.RUNNING, "reason": "Started", "attempts": 1, "started_at": stamp(now)}
    )


def _satisfies(state: StepState, wanted: NeedResult) -> bool:
    if wanted is NeedResult.SUCCEEDED:
        return state is StepState.SUCCEEDED
    if wanted is NeedResult.FAILED:
        return state in {StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE}
    return state is not StepState.SKIPPED


def _progress(step: Step, status: StepStatus, observed: Observed, now: datetime) -> StepStatus:
    outcome = _outcome(step, observed, now)
    if outcome is None and step.http and step.name not in observed.checking:
        # It is sent anew after a restart, and has its whole time: the operator's absence is not the service's fault.
        status = status.model_copy(update={"started_at": stamp(now)})
    if outcome is None and now >= _deadline(step, status):
        outcome = _late(step, observed, now)
    if step.load:
        seen, final = observed.loads.get(step.name), outcome is not None
        status = status.model_copy(update={"load": load.present(step.load, seen, status.load, final=final)})
    if outcome is not None:
        return _ended(status, outcome, now)
    return status.model_copy(update={"message": shortened(waits_for(step, observed, now))})


def _late(step: Step, observed: Observed, now: datetime) -> Outcome | None:
    """Judges a step whose time is over: only what was really under way can blame the system under test."""
    if step.load and load.being_read(step.name, step.load, observed):
        return None
    if step.job and step.job.junit and jobs.being_read(step.name, observed):
        return None
    waited = waits_for(step, observed, now)
    message = f"not ended within {step.time_limit:g}s" + (f": {waited}" if waited else "")
    to_blame = step.http or (step.job and any(pod.running for pod in observed.pods_of(step.name)))
    return Outcome(StepState.FAILED if to_blame else StepState.ERROR, "Timeout", message)


def _outcome(step: Step, observed: Observed, now: datetime) -> Outcome | None:
    if step.job:
        return jobs.judge_job(step.name, observed, now, step.job)
    if step.load:
        return load.judge_load(step.name, step.load, observed, now)
    outcome = observed.outcomes.get(step.name)
    if outcome is None and step.http and not step.http.idempotent and step.name not in observed.checking:
        # Its intent is on record but nobody waits for its answer: the operator was restarted in between.
        message = f"the operator stopped while this {step.http.method} was under way; it may or may not have arrived"
        return Outcome(StepState.ERROR, "Interrupted", message)
    return outcome


def waits_for(step: Step, observed: Observed, now: datetime) -> str:
    """Says what a running step waits for."""
    if step.job:
        return jobs.waits_for(step.name, observed, now)
    if step.load:
        return load.waits_for(step.name, step.load, observed, now)
    return ""


def _ended(status: StepStatus, outcome: Outcome, now: datetime) -> StepStatus:
    return status.model_copy(
        update={
            "state": outcome.state,
            "reason": outcome.reason,
            "message": shortened(outcome.message),
            "captures": dict(outcome.captures),
            "junit": outcome.junit,
            "finished_at": stamp(now),
        }
    )


def _keep_going(step: Step, status: StepStatus, plan: StepsPlan, observed: Observed, now: datetime) -> None:
    if step.http:
        plan.checks.add(step.name)
    if step.load:
        plan.follows.add(step.name)
    deadline = _deadline(step, status)
    ends = [deadline] if deadline > now else []
    pods = observed.pods_of(step.name)
    plan.wake_at = earliest([plan.wake_at, *ends, *patience_ends(pods, now), *tail_patience_ends(pods, observed, now)])


def _deadline(step: Step, status: StepStatus) -> datetime:
    return moment(status.started_at or "") + timedelta(seconds=step.time_limit)
