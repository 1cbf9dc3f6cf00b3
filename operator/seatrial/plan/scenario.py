"""The plan of a TestScenario: services up, data in, steps, verdict, everything away."""

from dataclasses import replace
from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.control import Stop
from seatrial.api.environment import NamespaceMode
from seatrial.api.expansion import expanded
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, RunStatus, StepState, StepStatus, TestScenarioStatus, Verdict
from seatrial.api.step import NeedResult
from seatrial.api.timestamp import moment, stamp
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
    stopped,
    stopping,
    total_end,
    wish,
)
from seatrial.plan.decision import (
    Action,
    Activities,
    AddFinalizer,
    CopyInputs,
    CreateEnvironment,
    Decision,
    StopServices,
    earliest,
)
from seatrial.plan.health import (
    announced_health,
    judged_by_health,
    notes,
    wanted_watches,
    watch_services,
    with_notes,
)
from seatrial.plan.observed import NamespaceSeen, Observed
from seatrial.plan.quota import waited_out
from seatrial.plan.reports import reported
from seatrial.plan.retain import let_go, retained, retention_ends
from seatrial.plan.services import plan_services
from seatrial.plan.shutdown import plan_shutdown
from seatrial.plan.steps import RunIdentity, cut_off, pending, plan_sequence, plan_steps
from seatrial.plan.trial import Standing, Subject, announced, begun, judged, refused, remembered, retry_delay
from seatrial.plan.verdict import Judgement, judge_steps, progress

Scenario = Subject[TestScenarioSpec, TestScenarioStatus]
ScenarioDecision = Decision[TestScenarioStatus]


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
    blocked = _blocker(scenario, status, observed, now)
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
    decision = _provision(started, spec, observed, now)
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
        return _tear_down(scenario, observed, now)
    if status.phase is Phase.RETAINED:
        ends = retention_ends(scenario, observed, now, there=_usable(observed))
        if ends is not None:
            return Decision(status, wake_at=ends)
        return _tear_down(replace(scenario, status=let_go(status, now)), observed, now)
    if ended := interrupted(scenario, observed):
        return _end(scenario, observed, now, ended)
    if stop := stopping(scenario):
        if stop is Stop.IMMEDIATE or status.phase is Phase.PROVISIONING:
            return _end(scenario, observed, now, STOPPED)
        scenario = _held_back(scenario, stop, now)
        status = scenario.status
    if broken := _broken(scenario, observed):
        return _end(scenario, observed, now, broken)
    if spec is None:
        unknown = Judgement(Verdict.ERROR, "RunLost", "the spec of the run is not on record any more")
        return _end(scenario, observed, now, unknown)
    go_on = _provision if status.phase is Phase.PROVISIONING else _run
    decision, end = go_on(scenario, spec, observed, now), total_end(scenario)
    if end is None or decision.status.verdict is not None:
        return decision
    if now >= end:
        return _end(replace(scenario, status=decision.status), observed, now, TOTAL_TIMEOUT)
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
        return Judgement(Verdict.ERROR, "EnvironmentLost", _lost(beside=beside))
    return None


def _lost(*, beside: bool) -> str:
    what = "the record of the run, a ControllerRevision" if beside else "the environment's namespace"
    return f"somebody else deleted {what}"


def _provision(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    status = scenario.status
    new = spec.makes_objects and not (observed.namespace and status.services)
    actions: list[Action] = [CreateEnvironment()] if new else []
    plan = plan_services(spec.environment.services, status.services, observed, now)
    if spec.makes_objects and _has_inputs(spec) and (new or plan.again):
        actions.append(CopyInputs())
    status = status.model_copy(update={"services": plan.services, "reason": "Provisioning"})
    scenario = replace(scenario, status=status)
    if broken := plan.broken:
        judgement = Judgement(Verdict.ERROR, broken.reason, f"service {broken.name}: {broken.message}")
        return _end(scenario, observed, now, judgement)
    if plan.healthy:
        environment = status.run.model_copy(update={"phase_since": stamp(now)}) if status.run else None
        status = status.model_copy(update={"phase": Phase.SETUP, "run": environment, "reason": "Setup", "message": ""})
        return _run(replace(scenario, status=status), spec, observed, now)
    deadline = _phase_began(status) + spec.timeouts.provision
    waiting = [service for service in plan.services if not service.state.up]
    message = "; ".join(f"{service.name}: {service.message or service.reason}" for service in waiting)
    if now >= deadline:
        judgement = Judgement(Verdict.TIMED_OUT, "ProvisionTimeout", f"services did not become healthy: {message}")
        return _end(scenario, observed, now, judgement)
    return Decision(
        status=status.model_copy(update={"message": message[:500]}),
        actions=(*actions, *plan.actions),
        activities=Activities(probes=plan.probes, watches=plan.watches),
        wake_at=earliest([deadline, plan.wake_at]),
    )


def _has_inputs(spec: TestScenarioSpec) -> bool:
    environment = spec.environment
    return bool(environment.secrets or environment.config_maps or environment.image_pull_secrets)


def _run(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    """Goes through setup and then the steps; both share one budget, which began with the setup."""
    status = scenario.status
    deadline = _phase_began(status) + spec.timeouts.steps
    services = watch_services(spec.environment.services, status.services, observed, now)
    watches = wanted_watches(spec.environment.services, services)
    setup = plan_sequence(spec.setup, status.setup, observed, now, after=NeedResult.SUCCEEDED)
    entries = with_notes(status.setup, setup.steps, services)
    status = status.model_copy(update={"services": services, "setup": entries, "message": notes(services, None)})
    actions, activities, urgent = tuple(setup.actions), Activities(watches=watches), False
    wake_at = setup.wake_at
    if setup.ended:
        failed = next((step for step in entries if step.state is not StepState.SUCCEEDED), None)
        if failed:
            message = f"setup {failed.name}: {failed.message or failed.reason}"
            return _end(
                replace(scenario, status=status), observed, now, Judgement(Verdict.ERROR, "SetupFailed", message)
            )
        run = RunIdentity(scenario.uid, status.run.id if status.run else "")
        steps = plan_steps(spec.steps, status.steps, observed, now, run=run, at_once=spec.max_parallel)
        noted = with_notes(status.steps, steps.steps, services)
        status = status.model_copy(update={"phase": Phase.RUNNING, "reason": "Running", "steps": noted})
        if steps.ended:
            judgement = judged_by_health(judge_steps(noted), services)
            return _end(replace(scenario, status=status), observed, now, judgement)
        actions, urgent, wake_at = tuple(steps.actions), steps.urgent, steps.wake_at
        activities = replace(
            activities,
            conditions=frozenset(steps.conditions),
            checks=frozenset(steps.checks),
            follows=frozenset(steps.follows),
        )
    if now >= deadline:
        message = f"setup and steps did not end within {spec.timeouts.steps.total_seconds():g}s"
        judgement = Judgement(Verdict.TIMED_OUT, "StepsTimeout", message)
        return _end(replace(scenario, status=status), observed, now, judgement)
    return Decision(status, actions, activities, earliest([deadline, wake_at]), urgent)


def _end(scenario: Scenario, observed: Observed, now: datetime, judgement: Judgement) -> ScenarioDecision:
    """Records the verdict. Taking away begins in the next turn, when no crash can change the verdict any more."""
    status = scenario.status
    why = judgement.reason
    status = status.model_copy(
        update={
            "setup": cut_off(status.setup, now, why, "the run ended before it"),
            "steps": cut_off(status.steps, now, why, "the run ended before it"),
        }
    )
    status = judged(status, stopped(status, judgement), now)
    if observed.namespace is None and not teardown.left(observed):
        return _tear_down(replace(scenario, status=status), observed, now)
    if observed.namespace is None:
        return Decision(status)
    where = status.run.namespace if status.run and status.run.namespace else observed.namespace.name
    status = retained(scenario, status, f"kubectl -n {where} get pods" if _usable(observed) else "", now)
    kept = replace(scenario, status=status) if status.phase is Phase.RETAINED else None
    return Decision(status, wake_at=retention_ends(kept, observed, now, there=True) if kept else None)


def _usable(observed: Observed) -> bool:
    """Whether the environment is there and ours, and stays unless we take it away."""
    namespace = observed.namespace
    return namespace is not None and namespace.ours and not namespace.terminating


def _tear_down(scenario: Scenario, observed: Observed, now: datetime) -> ScenarioDecision:
    """Runs the teardown Jobs, then takes workloads and namespace away, however long that takes."""
    status, spec, namespace = scenario.status, scenario.running, observed.namespace
    if namespace is None or not namespace.ours:
        skipped = cut_off(status.teardown, now, "EnvironmentLost", "there was no environment to run it in")
        status = status.model_copy(update={"teardown": skipped})
        if teardown.left(observed):
            return Decision(status, teardown.take_away(observed), wake_at=teardown.next_look(observed, now))
        # The finalizer goes in the next turn, which sees whether an earlier run has left something too.
        return Decision(status.model_copy(update={"phase": Phase.DONE}))
    budget_ends = _phase_began(status) + (spec.timeouts.teardown if spec else timedelta())
    usable = spec is not None and not namespace.terminating and now < budget_ends
    if spec is not None and usable:
        jobs = plan_sequence(spec.teardown, status.teardown, observed, now, after=NeedResult.COMPLETED)
        status = status.model_copy(update={"teardown": jobs.steps})
        if not jobs.ended:
            return Decision(status, tuple(jobs.actions), wake_at=earliest([budget_ends, jobs.wake_at]))
        if not all(step.state.ended for step in scenario.status.teardown):
            # Stored in a turn of its own: after a crash, a Job that we took away must not look like one to be made.
            return Decision(status, wake_at=now + timedelta(milliseconds=1), urgent=True)
        shutdown = plan_shutdown(spec.environment.services, observed, now)
        if not shutdown.last:
            level: tuple[Action, ...] = (StopServices(shutdown.stop),) if shutdown.stop else ()
            return Decision(status, level, wake_at=earliest([budget_ends, shutdown.wake_at]))
    else:
        status = status.model_copy(update={"teardown": cut_off(status.teardown, now, *_unusable(spec, namespace))})
    wake_at = budget_ends if now < budget_ends else now + retry_delay(now - budget_ends)
    look_at = earliest([wake_at, teardown.next_look(observed, now)])
    return Decision(status, teardown.take_away(observed), wake_at=look_at)


def _unusable(spec: TestScenarioSpec | None, namespace: NamespaceSeen) -> tuple[str, str]:
    """Why teardown Jobs that have not ended never will."""
    if namespace.terminating:
        return "EnvironmentLost", _lost(beside=namespace.record)
    if spec is None:
        return "RunLost", "the spec of the run is not on record any more"
    return "TeardownTimeout", "the teardown's time was over"


def _blocker(scenario: Scenario, status: TestScenarioStatus, observed: Observed, now: datetime) -> str:
    """Names what keeps the environment; when nothing tells, still that it is there beyond all budgets."""
    spec, namespace = scenario.running, observed.namespace
    if status.phase is not Phase.TEARDOWN or not status.run:
        return ""
    found = teardown.blocker(observed, now)
    budget = spec.timeouts.teardown if spec else timedelta()
    late = now >= _phase_began(status) + 2 * budget and (namespace is not None or teardown.left(observed))
    if not found and not late:
        return ""
    kept = f"namespace {namespace.name} is" if namespace and not namespace.record else "objects of the run are"
    return f"{kept} still there: {found or 'their deletion has been asked for'}"


def _phase_began(status: TestScenarioStatus) -> datetime:
    assert status.run is not None  # noqa: S101 - phases belong to runs
    return moment(status.run.phase_since or status.run.started_at or "")
