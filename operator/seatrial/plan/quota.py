"""What a quota of the cluster refuses, an object or its pods: waited out, seen by all, never taken for a failure."""

from dataclasses import replace
from datetime import datetime

from seatrial.api import names
from seatrial.api.status import LoadTestStatus, StepState, StepStatus, TestScenarioStatus
from seatrial.api.step import Step
from seatrial.plan.decision import Action, Decision, StartJob, StartLoad, Status, StopAttempt, earliest
from seatrial.plan.observed import Observed

#: The reason that people see.
QUOTA = "QuotaExceeded"
#: What Kubernetes' admission of quotas says.
EXCEEDED = "exceeded quota"
#: How it names the quota that guards an environment: that one is ours, and no waiting frees any of it.
_OWN = "exceeded quota: seatrial,"


def by_cluster(refusal: str) -> bool:
    """Whether a refusal is by a quota that others use too, so that waiting may help."""
    return EXCEEDED in refusal and _OWN not in refusal


def waited_out(decision: Decision[Status], observed: Observed, now: datetime) -> Decision[Status]:
    """Leaves out of a decision what a quota has refused until it is time to try again, and has it tried then."""
    if not observed.held:
        return decision
    early = {key for key, held in observed.held.items() if held.until > now}
    actions = tuple(action for action in decision.actions if action.key not in early)
    there = {action.key for action in actions}
    again = tuple(
        held.action
        for key, held in observed.held.items()
        if key not in early and key not in there and _wanted(held.action, decision.status)
    )
    wake_at = earliest([decision.wake_at, *(observed.held[key].until for key in early)])
    return replace(decision, actions=(*actions, *again), wake_at=wake_at)


def refused(step: Step, status: StepStatus, observed: Observed) -> str:
    """What a quota says to the Job of a step that runs, or to its pods; nothing once it has let them in.

    Of a Job without pods that is on record as refused, its absence tells nothing, and neither does its own time limit:
    there was nothing that could have run.
    """
    if not (step.job or step.load):
        return ""
    start = _start(step, status)
    if held := observed.held.get(start.key):
        return held.message
    attempt = names.attempt(step.name, status.attempts)
    if start.key in observed.refusals or observed.pods_of(attempt):
        return ""
    job = observed.jobs.get(attempt)
    if job is None or job.failed:
        return status.message if status.reason == QUOTA else ""
    return job.refusal if by_cluster(job.refusal) else ""


def tried_again(step: Step, status: StepStatus, observed: Observed) -> tuple[Action, ...]:
    """What to do about a step that waits for a quota: the Job makes its pods itself, as long as there is one."""
    job = observed.jobs.get(names.attempt(step.name, status.attempts))
    if job is None:
        return (_start(step, status),)
    return (StopAttempt(step.name, status.attempts),) if job.failed else ()


def _start(step: Step, status: StepStatus) -> StartJob | StartLoad:
    return (StartJob if step.job else StartLoad)(step.name, status.attempts)


def _wanted(action: object, status: object) -> bool:
    """Whether a Job is still to be made: its step runs, as far as anybody knows."""
    if isinstance(status, LoadTestStatus):
        return status.active and status.verdict is None
    if not isinstance(status, TestScenarioStatus) or not isinstance(action, StartJob | StartLoad):
        return False
    steps = (*status.setup, *status.steps, *status.teardown)
    return any(step.name == action.step and step.state is StepState.RUNNING for step in steps)
