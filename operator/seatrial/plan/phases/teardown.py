"""Everything is taken away, and what is in the way is named."""

from datetime import datetime, timedelta

from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, TestScenarioStatus
from seatrial.api.step import NeedResult
from seatrial.plan import teardown
from seatrial.plan.decision import Action, Decision, ScenarioDecision, StopServices, earliest
from seatrial.plan.observed import NamespaceSeen, Observed
from seatrial.plan.phases.environment import lost
from seatrial.plan.shutdown import plan_shutdown
from seatrial.plan.steps import cut_off, plan_sequence
from seatrial.plan.trial import Scenario, phase_began, retry_delay


def tear_down(scenario: Scenario, observed: Observed, now: datetime) -> ScenarioDecision:
    """Runs the teardown Jobs, then takes workloads and namespace away, however long that takes."""
    status, spec, namespace = scenario.status, scenario.running, observed.namespace
    if namespace is None or not namespace.ours:
        skipped = cut_off(status.teardown, now, "EnvironmentLost", "there was no environment to run it in")
        status = status.model_copy(update={"teardown": skipped})
        if teardown.left(observed):
            return Decision(status, teardown.take_away(observed), wake_at=teardown.next_look(observed, now))
        # The finalizer goes in the next turn, which sees whether an earlier run has left something too.
        return Decision(status.model_copy(update={"phase": Phase.DONE}))
    budget_ends = phase_began(status) + (spec.timeouts.teardown if spec else timedelta())
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
        return "EnvironmentLost", lost(beside=namespace.record)
    if spec is None:
        return "RunLost", "the spec of the run is not on record any more"
    return "TeardownTimeout", "the teardown's time was over"


def blocker(scenario: Scenario, status: TestScenarioStatus, observed: Observed, now: datetime) -> str:
    """Names what keeps the environment; when nothing tells, still that it is there beyond all budgets."""
    spec, namespace = scenario.running, observed.namespace
    if status.phase is not Phase.TEARDOWN or not status.run:
        return ""
    found = teardown.blocker(observed, now)
    budget = spec.timeouts.teardown if spec else timedelta()
    late = now >= phase_began(status) + 2 * budget and (namespace is not None or teardown.left(observed))
    if not found and not late:
        return ""
    kept = f"namespace {namespace.name} is" if namespace and not namespace.record else "objects of the run are"
    return f"{kept} still there: {found or 'their deletion has been asked for'}"
