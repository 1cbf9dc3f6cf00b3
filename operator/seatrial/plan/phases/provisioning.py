"""The environment is made, and its services come up."""

from dataclasses import replace
from datetime import datetime

from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, Verdict
from seatrial.api.timestamp import stamp
from seatrial.plan.decision import (
    Action,
    Activities,
    CopyInputs,
    CreateEnvironment,
    Decision,
    ScenarioDecision,
    earliest,
)
from seatrial.plan.observed import Observed
from seatrial.plan.phases.ending import end_run
from seatrial.plan.phases.steps import go_through_steps
from seatrial.plan.services import plan_services
from seatrial.plan.trial import Scenario, phase_began
from seatrial.plan.verdict import Judgement


def provision(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    """Has the environment made and waits for its services."""
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
        return end_run(scenario, observed, now, judgement)
    if plan.healthy:
        environment = status.run.model_copy(update={"phase_since": stamp(now)}) if status.run else None
        status = status.model_copy(update={"phase": Phase.SETUP, "run": environment, "reason": "Setup", "message": ""})
        return go_through_steps(replace(scenario, status=status), spec, observed, now)
    deadline = phase_began(status) + spec.timeouts.provision
    waiting = [service for service in plan.services if not service.state.up]
    message = "; ".join(f"{service.name}: {service.message or service.reason}" for service in waiting)
    if now >= deadline:
        judgement = Judgement(Verdict.TIMED_OUT, "ProvisionTimeout", f"services did not become healthy: {message}")
        return end_run(scenario, observed, now, judgement)
    return Decision(
        status=status.model_copy(update={"message": message[:500]}),
        actions=(*actions, *plan.actions),
        activities=Activities(probes=plan.probes, watches=plan.watches),
        wake_at=earliest([deadline, plan.wake_at]),
    )


def _has_inputs(spec: TestScenarioSpec) -> bool:
    environment = spec.environment
    return bool(environment.secrets or environment.config_maps or environment.image_pull_secrets)
