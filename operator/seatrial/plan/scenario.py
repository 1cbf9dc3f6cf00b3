"""The plan of a TestScenario: services up, data in, steps, verdict, everything away."""

from dataclasses import replace
from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.expansion import expanded
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, StepState, StepStatus, TestScenarioStatus, Verdict
from seatrial.api.step import NeedResult
from seatrial.api.timestamp import moment, stamp
from seatrial.plan.conditions import conditions
from seatrial.plan.decision import (
    Action,
    Activities,
    AddFinalizer,
    CopyInputs,
    CreateEnvironment,
    Decision,
    DeleteNamespace,
    StopServices,
    StopWorkloads,
    earliest,
)
from seatrial.plan.observed import NamespaceSeen, Observed
from seatrial.plan.reports import reported
from seatrial.plan.services import plan_services, unhealthy
from seatrial.plan.shutdown import plan_shutdown
from seatrial.plan.steps import RunIdentity, cut_off, pending, plan_sequence, plan_steps
from seatrial.plan.trial import Standing, Subject, announced, judged, new_run, refused, remembered, retry_delay
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
    standing = scenario.standing
    if standing is Standing.ACTIVE:
        decision = _continue(scenario, observed, now)
    elif standing is Standing.NEW and scenario.spec is not None:
        decision = _begin(scenario, scenario.spec, observed, now)
    else:
        status = refused(scenario) if standing is Standing.INVALID else scenario.status
        decision = _rest(scenario, status, observed)
    invalid = scenario.invalid if standing is Standing.INVALID else ""
    return _finish(scenario, decision, observed, now, invalid)


def _finish(
    scenario: Scenario, decision: ScenarioDecision, observed: Observed, now: datetime, invalid: str
) -> ScenarioDecision:
    decision = reported(scenario.status, decision, observed, now, deleting=scenario.deleting)
    status = decision.status
    healthy = bool(status.services) and all(service.healthy_at for service in status.services)
    blocked = _blocker(scenario, status, observed, now)
    if status.run is not None or invalid:
        update = {
            "conditions": conditions(status, now, invalid=invalid, environment=healthy, blocked=blocked),
            "progress": progress(status.steps),
            "flaky": any(step.flaky for step in status.steps) or None,
        }
        status = status.model_copy(update=update)
    return replace(decision, status=status, announcements=announced(scenario.status, status, invalid))


def _rest(scenario: Scenario, status: TestScenarioStatus, observed: Observed) -> ScenarioDecision:
    """Lets go of a resource without a run, once a namespace that a crash may have left is gone too."""
    namespace = observed.namespace
    if namespace is None or not namespace.ours:
        return Decision(status, scenario.letting_go)
    return Decision(status, () if namespace.terminating else (DeleteNamespace(namespace.uid),))


def _begin(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    namespace = names.environment_namespace(scenario.name, scenario.uid, str(scenario.generation))
    status = TestScenarioStatus(
        observed_generation=scenario.generation,
        phase=Phase.PROVISIONING,
        run=new_run(scenario.generation, now, namespace),
        setup=[StepStatus(name=entry.name) for entry in spec.setup],
        steps=[pending(instance) for instance in expanded(spec.steps)],
        teardown=[StepStatus(name=entry.name) for entry in spec.teardown],
        history=remembered(scenario.status),
    )
    started = replace(scenario, status=status, running=spec)
    decision = _provision(started, spec, observed, now)
    first: tuple[Action, ...] = () if scenario.finalizer else (AddFinalizer(),)
    return replace(decision, actions=(*first, *decision.actions))


def _continue(scenario: Scenario, observed: Observed, now: datetime) -> ScenarioDecision:
    status, spec = scenario.status, scenario.running
    if status.phase is Phase.TEARDOWN:
        return _tear_down(scenario, observed, now)
    if scenario.superseded:
        return _end(scenario, observed, now, scenario.superseded)
    if refusal := observed.refusals.get(CreateEnvironment().key):
        return _end(scenario, observed, now, Judgement(Verdict.ERROR, "Refused", refusal))
    if refusal := observed.refusals.get(CopyInputs().key):
        reason = observed.refusal_reasons.get(CopyInputs().key, "Refused")
        return _end(scenario, observed, now, Judgement(Verdict.ERROR, reason, refusal))
    if lost := _environment_lost(status, observed.namespace):
        return _end(scenario, observed, now, lost)
    if spec is None:
        unknown = Judgement(Verdict.ERROR, "RunLost", "the spec of the run is not on record any more")
        return _end(scenario, observed, now, unknown)
    if status.phase is Phase.PROVISIONING:
        return _provision(scenario, spec, observed, now)
    return _run(scenario, spec, observed, now)


def _environment_lost(status: TestScenarioStatus, namespace: NamespaceSeen | None) -> Judgement | None:
    if namespace is not None and not namespace.ours:
        message = f"there is a namespace {namespace.name} that is not ours; delete or rename it"
        return Judgement(Verdict.ERROR, "NamespaceTaken", message)
    began = any(service.started_at for service in status.services)
    if began and (namespace is None or namespace.terminating):
        return Judgement(Verdict.ERROR, "EnvironmentLost", "somebody else deleted the environment's namespace")
    return None


def _provision(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    status = scenario.status
    new = not (observed.namespace and status.services)
    actions: list[Action] = [CreateEnvironment()] if new else []
    plan = plan_services(spec.environment.services, status.services, observed, now)
    if _has_inputs(spec) and (new or plan.again):
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
    waiting = [service for service in plan.services if not service.healthy_at]
    message = "; ".join(f"{service.name}: {service.message or service.reason}" for service in waiting)
    if now >= deadline:
        judgement = Judgement(Verdict.TIMED_OUT, "ProvisionTimeout", f"services did not become healthy: {message}")
        return _end(scenario, observed, now, judgement)
    return Decision(
        status=status.model_copy(update={"message": message[:500]}),
        actions=(*actions, *plan.actions),
        activities=Activities(probes=plan.probes),
        wake_at=earliest([deadline, plan.wake_at]),
    )


def _has_inputs(spec: TestScenarioSpec) -> bool:
    environment = spec.environment
    return bool(environment.secrets or environment.config_maps or environment.image_pull_secrets)


def _run(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    """Goes through setup and then the steps; both share one budget, which began with the setup."""
    status = scenario.status
    deadline = _phase_began(status) + spec.timeouts.steps
    setup = plan_sequence(spec.setup, status.setup, observed, now, after=NeedResult.SUCCEEDED)
    status = status.model_copy(update={"setup": setup.steps})
    actions, activities, urgent = tuple(setup.actions), Activities(), False
    wake_at = setup.wake_at
    if setup.ended:
        failed = next((step for step in setup.steps if step.state is not StepState.SUCCEEDED), None)
        if failed:
            message = f"setup {failed.name}: {failed.message or failed.reason}"
            return _end(
                replace(scenario, status=status), observed, now, Judgement(Verdict.ERROR, "SetupFailed", message)
            )
        run = RunIdentity(scenario.uid, status.run.id if status.run else "")
        steps = plan_steps(spec.steps, status.steps, observed, now, run=run, at_once=spec.max_parallel)
        status = status.model_copy(
            update={"phase": Phase.RUNNING, "reason": "Running", "message": "", "steps": steps.steps}
        )
        if steps.ended:
            judgement = _judge(steps.steps, spec, observed, now)
            return _end(replace(scenario, status=status), observed, now, judgement)
        actions, urgent, wake_at = tuple(steps.actions), steps.urgent, steps.wake_at
        activities = Activities(checks=frozenset(steps.checks), follows=frozenset(steps.follows))
    if now >= deadline:
        message = f"setup and steps did not end within {spec.timeouts.steps.total_seconds():g}s"
        judgement = Judgement(Verdict.TIMED_OUT, "StepsTimeout", message)
        return _end(replace(scenario, status=status), observed, now, judgement)
    return Decision(status, actions, activities, earliest([deadline, wake_at]), urgent)


def _judge(steps: list[StepStatus], spec: TestScenarioSpec, observed: Observed, now: datetime) -> Judgement:
    """Judges the steps; nothing has passed in an environment that broke under it."""
    judgement = judge_steps(steps)
    lost = unhealthy(spec.environment.services, observed, now)
    if lost and judgement.verdict is Verdict.PASSED:
        return Judgement(Verdict.ERROR, "ServiceUnhealthy", f"not healthy any more at the end: {lost}")
    return judgement


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
    status = judged(status, judgement, now)
    if observed.namespace is None:
        return _tear_down(replace(scenario, status=status), observed, now)
    return Decision(status)


def _tear_down(scenario: Scenario, observed: Observed, now: datetime) -> ScenarioDecision:
    """Runs the teardown Jobs, then takes workloads and namespace away, however long that takes."""
    status, spec, namespace = scenario.status, scenario.running, observed.namespace
    if namespace is None or not namespace.ours:
        skipped = cut_off(status.teardown, now, "EnvironmentLost", "there was no environment to run it in")
        # The finalizer goes in the next turn, which sees whether an earlier run has left something too.
        return Decision(status.model_copy(update={"phase": Phase.DONE, "teardown": skipped}))
    budget_ends = _phase_began(status) + (spec.timeouts.teardown if spec else timedelta())
    usable = spec is not None and not namespace.terminating and now < budget_ends
    if spec is not None and usable:
        jobs = plan_sequence(spec.teardown, status.teardown, observed, now, after=NeedResult.COMPLETED)
        status = status.model_copy(update={"teardown": jobs.steps})
        if not jobs.ended:
            return Decision(status, tuple(jobs.actions), wake_at=earliest([budget_ends, jobs.wake_at]))
        shutdown = plan_shutdown(spec.environment.services, observed, now)
        if not shutdown.last:
            level: tuple[Action, ...] = (StopServices(shutdown.stop),) if shutdown.stop else ()
            return Decision(status, level, wake_at=earliest([budget_ends, shutdown.wake_at]))
    else:
        status = status.model_copy(update={"teardown": cut_off(status.teardown, now, *_unusable(spec, namespace))})
    wake_at = budget_ends if now < budget_ends else now + retry_delay(now - budget_ends)
    # Both at once: Kubernetes lets five seconds pass before it empties a namespace, in which the pods end on their own.
    # So they are gone before the namespace's network policies are (KEP-5080), and nobody waits for them separately.
    stop: tuple[Action, ...] = (StopWorkloads(),) if _has_workloads(observed) else ()
    delete: tuple[Action, ...] = () if namespace.terminating else (DeleteNamespace(namespace.uid),)
    return Decision(status, (*stop, *delete), wake_at=wake_at)


def _has_workloads(observed: Observed) -> bool:
    return bool(observed.deployments or observed.completions or observed.jobs)


def _unusable(spec: TestScenarioSpec | None, namespace: NamespaceSeen) -> tuple[str, str]:
    """Why teardown Jobs that have not ended never will."""
    if namespace.terminating:
        return "EnvironmentLost", "somebody else deleted the environment's namespace"
    if spec is None:
        return "RunLost", "the spec of the run is not on record any more"
    return "TeardownTimeout", "the teardown's time was over"


def _blocker(scenario: Scenario, status: TestScenarioStatus, observed: Observed, now: datetime) -> str:
    """Names what keeps the environment, once the teardown's budget is used up."""
    spec, namespace = scenario.running, observed.namespace
    if status.phase is not Phase.TEARDOWN or namespace is None or not status.run:
        return ""
    budget = spec.timeouts.teardown if spec else timedelta()
    if now < _phase_began(status) + 2 * budget:
        return ""
    return f"namespace {namespace.name} is still there: {namespace.blockers or 'its deletion has been asked for'}"


def _phase_began(status: TestScenarioStatus) -> datetime:
    assert status.run is not None  # noqa: S101 - phases belong to runs
    return moment(status.run.phase_since or status.run.started_at or "")
