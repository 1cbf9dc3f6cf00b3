"""The plan of a TestScenario: services up, data in, steps, verdict, everything away."""

from dataclasses import replace
from datetime import datetime

from seatrial.api import names
from seatrial.api.control import Stop
from seatrial.api.environment import NamespaceMode
from seatrial.api.expansion import expanded
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, RunStatus, StepState, StepStatus, TestScenarioStatus, Verdict
from seatrial.plan import teardown
from seatrial.plan.conditions import conditions
from seatrial.plan.control import (
    STOPPED,
    TOTAL_TIMEOUT,
    Wish,
    hold,
    interrupted,
    marked,
    next_time,
    steered,
    stopping,
    total_end,
    wish,
)
from seatrial.plan.decision import (
    Action,
    AddFinalizer,
    CopyInputs,
    CreateEnvironment,
    Decision,
    ScenarioDecision,
    earliest,
)
from seatrial.plan.health import (
    announced_health,
)
from seatrial.plan.observed import NamespaceSeen, Observed
from seatrial.plan.phases.ending import end_run
from seatrial.plan.phases.environment import lost, usable
from seatrial.plan.phases.provisioning import provision
from seatrial.plan.phases.steps import go_through_steps
from seatrial.plan.phases.teardown import blocker, tear_down
from seatrial.plan.quota import waited_out
from seatrial.plan.reports import reported
from seatrial.plan.retain import let_go, retention_ends
from seatrial.plan.steps import cut_off, pending
from seatrial.plan.trial import Scenario, Standing, announced, begun, refused, remembered
from seatrial.plan.verdict import Judgement, progress


def plan_scenario(scenario: Scenario, observed: Observed, now: datetime) -> ScenarioDecision:
    """Decides the next move. Pure: the same arguments always give the same decision.

    Args:
        scenario: The resource as it stands.
        observed: What was seen of its run.
        now: The present.
    """
    wished = wish(scenario, observed, now)
    if observed.cycle and wished.run is not None:
        scenario = replace(scenario, spec=None, invalid=observed.cycle)
        wished = replace(wished, run=None)
    standing = scenario.standing
    if standing is Standing.ACTIVE:
        decision = _continue(scenario, observed, now)
    elif wished.run is not None and scenario.spec is not None:
        decision = _begin(scenario, scenario.spec, wished.run, observed, now)
    else:
        status = refused(scenario) if standing is Standing.INVALID else scenario.status
        decision = _rest(scenario, status, observed)
    invalid = scenario.invalid if standing is Standing.INVALID else ""
    return _finish(scenario, decision, wished, observed, now, invalid)


def _finish(
    scenario: Scenario, decision: ScenarioDecision, wished: Wish, observed: Observed, now: datetime, invalid: str
) -> ScenarioDecision:
    # First what is kept of the history: the reports of what is not must go.
    decision = replace(decision, status=steered(scenario, decision.status, wished))
    decision = reported(scenario.status, decision, observed, now, deleting=scenario.deleting)
    decision = waited_out(decision, observed, now)
    status = decision.status
    healthy = bool(status.services) and all(service.healthy_at for service in status.services)
    blocked = blocker(scenario, status, observed, now)
    if status.run is not None or invalid:
        update = {
            "conditions": conditions(
                status, now, invalid=invalid, environment=healthy, blocked=blocked, suspended=scenario.suspended
            ),
            "progress": progress(status.steps),
            "flaky": any(step.flaky for step in status.steps) or None,
        }
        status = status.model_copy(update=update)
    wake_at = earliest([decision.wake_at, next_time(status, now)])
    said = announced(scenario.status, status, invalid)
    if scenario.active:
        said += announced_health(scenario.status.services, status.services)
    return replace(decision, status=status, announcements=said, wake_at=wake_at)


def _rest(scenario: Scenario, status: TestScenarioStatus, observed: Observed) -> ScenarioDecision:
    """Lets go of a resource without a run, once what a crash may have left is gone too."""
    namespace = observed.namespace
    if (namespace is None or not namespace.ours) and not teardown.left(observed):
        return Decision(status, scenario.letting_go)
    return Decision(status, teardown.take_away(observed))


def _begin(
    scenario: Scenario, spec: TestScenarioSpec, run: RunStatus, observed: Observed, now: datetime
) -> ScenarioDecision:
    held = hold(scenario, run, observed, now)
    if held is not None:
        status, wake_at = held
        # Room that an earlier run had is left while this one waits, but not before it is known that it must.
        return (
            Decision(status) if observed.place.pending else replace(_rest(scenario, status, observed), wake_at=wake_at)
        )
    left = observed.namespace
    if left is not None and left.ours and left.name != names.environment_namespace(scenario.name, scenario.uid, run.id):
        return _rest(scenario, scenario.status, observed)  # of a run that a crash kept from going on record
    makes = spec.makes_objects
    namespace = _place(scenario, spec, run) if makes else None
    status = TestScenarioStatus(
        observed_generation=scenario.generation,
        phase=Phase.PROVISIONING,
        run=begun(run, now, namespace),
        setup=[StepStatus(name=entry.name) for entry in spec.setup],
        steps=[pending(instance) for instance in expanded(spec.steps)],
        teardown=[StepStatus(name=entry.name) for entry in spec.teardown],
        history=remembered(scenario.status),
    )
    started = replace(scenario, status=status, running=spec)
    decision = provision(started, spec, observed, now)
    # What leaves nothing behind need not be held on to.
    first: tuple[Action, ...] = () if scenario.finalizer or not makes else (AddFinalizer(),)
    return replace(decision, actions=(*first, *decision.actions))


def _place(scenario: Scenario, spec: TestScenarioSpec, run: RunStatus) -> str:
    """The namespace that the run's environment lives in."""
    if spec.environment.namespace is NamespaceMode.SAME:
        return scenario.namespace
    return names.environment_namespace(scenario.name, scenario.uid, run.id)


def _continue(scenario: Scenario, observed: Observed, now: datetime) -> ScenarioDecision:
    status, spec = scenario.status, scenario.running
    if status.phase is Phase.TEARDOWN:
        return tear_down(scenario, observed, now)
    if status.phase is Phase.RETAINED:
        ends = retention_ends(scenario, observed, now, there=usable(observed))
        if ends is not None:
            return Decision(status, wake_at=ends)
        return tear_down(replace(scenario, status=let_go(status, now)), observed, now)
    if ended := interrupted(scenario, observed):
        return end_run(scenario, observed, now, ended)
    if stop := stopping(scenario):
        if stop is Stop.IMMEDIATE or status.phase is Phase.PROVISIONING:
            return end_run(scenario, observed, now, STOPPED)
        scenario = _held_back(scenario, stop, now)
        status = scenario.status
    if broken := _broken(scenario, observed):
        return end_run(scenario, observed, now, broken)
    if spec is None:
        unknown = Judgement(Verdict.ERROR, "RunLost", "the spec of the run is not on record any more")
        return end_run(scenario, observed, now, unknown)
    go_on = provision if status.phase is Phase.PROVISIONING else go_through_steps
    decision, end = go_on(scenario, spec, observed, now), total_end(scenario)
    if end is None or decision.status.verdict is not None:
        return decision
    if now >= end:
        return end_run(replace(scenario, status=decision.status), observed, now, TOTAL_TIMEOUT)
    return replace(decision, wake_at=earliest([decision.wake_at, end]))


def _broken(scenario: Scenario, observed: Observed) -> Judgement | None:
    """What is wrong with the environment as a whole."""
    for key in (CreateEnvironment().key, CopyInputs().key):
        if refusal := observed.refusals.get(key):
            return Judgement(Verdict.ERROR, observed.refusal_reason(key), refusal)
    return _environment_lost(scenario, observed.namespace)


def _held_back(scenario: Scenario, stop: Stop, now: datetime) -> Scenario:
    """Has nothing more started in a run that is being stopped."""
    status = scenario.status
    update = {"setup": _unstarted(status.setup, now), "steps": _unstarted(status.steps, now)}
    return replace(scenario, status=marked(status.model_copy(update=update), stop))


def _unstarted(steps: list[StepStatus], now: datetime) -> list[StepStatus]:
    """Ends what has not begun, as the run is being stopped."""
    return [
        cut_off([step], now, STOPPED.reason, STOPPED.message)[0] if step.state is StepState.PENDING else step
        for step in steps
    ]


def _environment_lost(scenario: Scenario, namespace: NamespaceSeen | None) -> Judgement | None:
    status = scenario.status
    if namespace is not None and not namespace.ours:
        message = f"there is a namespace {namespace.name} that is not ours; delete or rename it"
        return Judgement(Verdict.ERROR, "NamespaceTaken", message)
    began = any(service.started_at for service in status.services) and status.run and status.run.namespace
    if began and (namespace is None or namespace.terminating):
        beside = status.run is not None and status.run.namespace == scenario.namespace
        return Judgement(Verdict.ERROR, "EnvironmentLost", lost(beside=beside))
    return None
