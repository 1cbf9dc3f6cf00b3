"""Steps as a graph: what may start, what has ended, what can never start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.expansion import Instance, expanded
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import JobStep, Need, NeedResult, Step
from seatrial.api.timestamp import stamp
from seatrial.plan import barrier, load, quota, retry, waits
from seatrial.plan.attempt import deadline, ended, progressed
from seatrial.plan.decision import Action, StartJob, StartLoad, StopAttempt, earliest
from seatrial.plan.evidence import tail_patience_ends
from seatrial.plan.needs import Waiting, judge_needs
from seatrial.plan.observed import Observed
from seatrial.plan.pods import patience_ends

#: Bytes that status shows of a text on an axis of a matrix.
MATRIX_BYTES = 48


@dataclass(frozen=True)
class RunIdentity:
    """What tells a run from all others.

    Attributes:
        uid: UID of the resource.
        id: Name of the run, unique for the resource.
    """

    uid: str = ""
    id: str = ""

    @property
    def seed(self) -> str:
        """What varies from run to run and is the same after a crash."""
        return f"{self.uid}/{self.id}"


@dataclass
class StepsPlan:
    """What to do about steps; filled while planning goes through them.

    Attributes:
        steps: Their new status, in the order of the spec.
        actions: Jobs to create.
        conditions: Steps whose ``when`` to judge.
        checks: Attempts whose request should be under way.
        follows: Attempts whose workers' output to follow.
        urgent: Whether a request starts that may not be sent twice.
        wake_at: When a deadline falls.
    """

    steps: list[StepStatus] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    conditions: set[str] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)
    follows: set[str] = field(default_factory=set)
    urgent: bool = False
    wake_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether every step has ended."""
        return all(step.state.ended for step in self.steps)


@dataclass
class _Graph:
    """The steps of a run, as one turn goes through them."""

    instances: list[Instance]
    current: dict[str, StepStatus]
    observed: Observed
    now: datetime
    run: RunIdentity
    at_once: int | None

    def members(self) -> dict[str, list[StepStatus]]:
        """The status of every step as written; of one with a matrix, of all its instances."""
        found: dict[str, list[StepStatus]] = {}
        for each in self.instances:
            found.setdefault(each.written, []).append(self.current[each.name])
        return found

    def running(self, written: str | None = None) -> int:
        """How many run, of all or of the instances of one step."""
        return sum(
            self.current[each.name].state is StepState.RUNNING
            for each in self.instances
            if written in (None, each.written)
        )


def pending(instance: Instance) -> StepStatus:
    """The status of a step before anything has happened to it."""
    return StepStatus(
        name=instance.name,
        optional=instance.step.optional or None,
        instance_of=instance.parent,
        # Shown only, so a long text may be cut: there may be 200 of these in a status.
        matrix={
            axis: shortened(value, MATRIX_BYTES) if isinstance(value, str) else value
            for axis, value in instance.values.items()
        },
    )


def plan_steps(
    steps: list[Step],
    before: list[StepStatus],
    observed: Observed,
    now: datetime,
    *,
    run: RunIdentity | None = None,
    at_once: int | None = None,
) -> StepsPlan:
    """Plans the next moves of a graph of steps.

    Args:
        steps: The graph, without cycles.
        before: Their status up to now.
        observed: What was seen.
        now: The present.
        run: The run that they are part of.
        at_once: Steps that may run at the same time; None for any number.
    """
    known = {status.name: status for status in before}
    instances = expanded(steps)
    current = {each.name: known.get(each.name) or pending(each) for each in instances}
    graph = _Graph(instances, current, observed, now, run or RunIdentity(), at_once)
    plan = StepsPlan()
    for each in instances:
        if current[each.name].state is StepState.RUNNING:
            _go_on(each, graph, plan)
    # What follows from an answer that cannot be asked for again waits until that is on record: a crash in between would
    # lose it. Requests begin after status is written, objects are made before: those have to wait for the next turn.
    waiting = _start(graph, plan, but_objects=plan.urgent)
    plan.wake_at = now + timedelta(milliseconds=1) if waiting else None
    for each in instances:
        status = current[each.name]
        if status.state is StepState.RUNNING:
            _keep_going(each.step, status, plan, observed, now)
        elif status.state is StepState.PENDING and status.attempts:
            _keep_pausing(status, plan, observed, now)
    plan.steps = [current[each.name] for each in instances]
    return plan


def _go_on(each: Instance, graph: _Graph, plan: StepsPlan) -> None:
    """Takes in what became of a step that runs."""
    earlier = graph.current[each.name]
    plan.actions += load.stops(names.attempt(each.name, earlier.attempts), earlier.load, graph.observed)
    now = graph.current[each.name] = progressed(each.step, earlier, graph.observed, graph.now, graph.run.seed)
    plan.urgent |= load.newly_aborted(earlier.load, now.load)
    # What must not be sent twice must not be forgotten either.
    plan.urgent |= now.state is not StepState.RUNNING and each.step.sent_once


def _start(graph: _Graph, plan: StepsPlan, *, but_objects: bool) -> bool:
    """Starts what may start. Returns whether something was held back that makes objects, of which none may be made."""
    current, held_back, moved = graph.current, False, True
    # A step may end in the turn in which it could start (skipped), and that may free others.
    while moved:
        members, moved, held_back = graph.members(), False, False
        for each in graph.instances:
            if current[each.name].state is not StepState.PENDING:
                continue
            if but_objects and each.step.makes_objects:
                held_back = True
                continue
            current[each.name] = _try_start(each, graph, members, plan)
            moved = moved or current[each.name].state.ended
    return held_back


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
    """Ends what has not ended: what has begun is cancelled, the rest skipped."""

    def end(status: StepStatus) -> StepState:
        begun = status.attempts or status.state is StepState.RUNNING
        return StepState.CANCELLED if begun else StepState.SKIPPED

    return [
        status if status.state.ended else ended(status, Outcome(end(status), reason, message), now)
        for status in statuses
    ]


def _try_start(
    instance: Instance, graph: _Graph, members: Mapping[str, list[StepStatus]], plan: StepsPlan
) -> StepStatus:
    status, step, now = graph.current[instance.name], instance.step, graph.now
    if status.attempts:
        if now < retry.due(status) or retry.hindered_until(status, graph.observed, now):
            return status
    else:
        end = judge_needs(step, members) or _condition(step, graph.observed, plan)
        if isinstance(end, Waiting):
            return status
        if end is not None:
            return ended(status, end, now)
    if full := _full(instance, graph):
        return status if status.attempts else status.model_copy(update={"reason": "MaxParallel", "message": full})
    attempt = status.attempts + 1
    if step.job:
        plan.actions.append(StartJob(step.name, attempt))
    elif step.load:
        plan.actions.append(StartLoad(step.name, attempt))
    plan.urgent |= step.sent_once
    return status.model_copy(
        update={
            "state": StepState.RUNNING,
            "reason": "Started",
            "message": "",
            "attempts": attempt,
            "started_at": stamp(now),
            "next_attempt_at": None,
            "load": None,
        }
    )


def _condition(step: Step, observed: Observed, plan: StepsPlan) -> Waiting | Outcome | None:
    """Says whether the step's own condition lets it run. That is judged elsewhere: an expression may take long."""
    if not step.when:
        return None
    if step.name not in observed.conditions:
        plan.conditions.add(step.name)
        return Waiting()
    return observed.conditions[step.name]


def _full(instance: Instance, graph: _Graph) -> str:
    """Says which limit keeps a step from running now, if one does."""
    # Its own limit first: what starts later in this turn cannot change whether that is reached.
    own = instance.step.max_parallel
    if own is not None and graph.running(instance.written) >= own:
        return f"waits its turn: at most {own} instances of {instance.written} run at once"
    if graph.at_once is not None and graph.running() >= graph.at_once:
        return f"waits its turn: at most {graph.at_once} steps run at once"
    return ""


def _keep_going(step: Step, status: StepStatus, plan: StepsPlan, observed: Observed, now: datetime) -> None:
    if status.reason == quota.QUOTA:
        plan.actions += quota.tried_again(step, status, observed)
        return
    attempt = names.attempt(step.name, status.attempts)
    if step.asks:
        plan.checks.add(attempt)
    if step.load:
        plan.follows.add(attempt)
        plan.actions += barrier.begins(attempt, step.load, observed, now)
    deadlines = [deadline(step, status), waits.ends_at(step.wait, status) if step.wait else None]
    ends = [end for end in deadlines if end is not None and end > now]
    ends += load.stopping_ends(attempt, status.load, observed, now)
    pods = observed.pods_of(attempt)
    plan.wake_at = earliest([plan.wake_at, *ends, *patience_ends(pods, now), *tail_patience_ends(pods, observed, now)])


def _keep_pausing(status: StepStatus, plan: StepsPlan, observed: Observed, now: datetime) -> None:
    """Between two attempts: the first must have let go before the next begins."""
    if retry.abandoned(status, observed):
        plan.actions.append(StopAttempt(status.name, status.attempts))
    due = retry.due(status)
    ends = [due] if due > now else [retry.hindered_until(status, observed, now)]
    plan.wake_at = earliest([plan.wake_at, *ends])
