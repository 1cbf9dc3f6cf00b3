"""Setup, and then the steps."""

from dataclasses import replace
from datetime import datetime

from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, StepState, Verdict
from seatrial.api.step import NeedResult
from seatrial.plan.decision import Activities, Decision, ScenarioDecision, earliest
from seatrial.plan.health import judged_by_health, notes, wanted_watches, watch_services, with_notes
from seatrial.plan.observed import Observed
from seatrial.plan.phases.ending import end_run
from seatrial.plan.steps import RunIdentity, plan_sequence, plan_steps
from seatrial.plan.trial import Scenario, phase_began
from seatrial.plan.verdict import Judgement, judge_steps


def go_through_steps(scenario: Scenario, spec: TestScenarioSpec, observed: Observed, now: datetime) -> ScenarioDecision:
    """Goes through setup and then the steps; both share one budget, which began with the setup."""
    status = scenario.status
    deadline = phase_began(status) + spec.timeouts.steps
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
            return end_run(
                replace(scenario, status=status), observed, now, Judgement(Verdict.ERROR, "SetupFailed", message)
            )
        run = RunIdentity(scenario.uid, status.run.id if status.run else "")
        steps = plan_steps(spec.steps, status.steps, observed, now, run=run, at_once=spec.max_parallel)
        noted = with_notes(status.steps, steps.steps, services)
        status = status.model_copy(update={"phase": Phase.RUNNING, "reason": "Running", "steps": noted})
        if steps.ended:
            judgement = judged_by_health(judge_steps(noted), services)
            return end_run(replace(scenario, status=status), observed, now, judgement)
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
        return end_run(replace(scenario, status=status), observed, now, judgement)
    return Decision(status, actions, activities, earliest([deadline, wake_at]), urgent)
