"""What becomes of an attempt of a step."""

from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import Step
from seatrial.api.timestamp import moment, stamp
from seatrial.plan import jobs, load, quota, retry, waits
from seatrial.plan.observed import Observed


def progressed(step: Step, status: StepStatus, observed: Observed, now: datetime, seed: str) -> StepStatus:
    """What has become of a step that runs.

    Args:
        step: The step.
        status: Its status up to now.
        observed: What was seen.
        now: The present.
        seed: What the lengths of pauses between attempts follow from.
    """
    if refusal := quota.refused(step, status, observed):
        return status.model_copy(update={"reason": quota.QUOTA, "message": shortened(refusal)})
    if status.reason == quota.QUOTA:
        # Its time begins when there is room.
        status = status.model_copy(update={"reason": "Started", "message": "", "started_at": stamp(now)})
    attempt = names.attempt(step.name, status.attempts)
    outcome = _outcome(step, status, attempt, observed, now)
    if outcome is None and step.asks and attempt not in observed.checking:
        # It is sent anew after a restart, and has its whole time: the operator's absence is not the service's fault.
        status = status.model_copy(update={"started_at": stamp(now)})
    if outcome is None and now >= deadline(step, status):
        outcome = _late(step, status, attempt, observed, now)
    if step.load:
        seen, final = observed.loads.get(attempt), outcome is not None
        status = status.model_copy(update={"load": load.present(step.load, seen, status.load, final=final)})
    if outcome is not None and retry.wanted(step, status, outcome):
        return retry.backing_off(step, status, outcome, seed, now)
    if outcome is not None:
        return ended(status, outcome, now)
    return status.model_copy(update={"message": shortened(_waits_for(step, status, attempt, observed, now))})


def ended(status: StepStatus, outcome: Outcome, now: datetime) -> StepStatus:
    """Ends a step."""
    return status.model_copy(
        update={
            "state": outcome.state,
            "reason": outcome.reason,
            "message": shortened(outcome.message),
            "captures": dict(outcome.captures),
            "junit": outcome.junit,
            "finished_at": stamp(now),
            "next_attempt_at": None,
            "flaky": (outcome.state is StepState.SUCCEEDED and status.attempts > 1) or None,
        }
    )


def deadline(step: Step, status: StepStatus) -> datetime:
    """When the time of the attempt under way is over."""
    return moment(status.started_at or "") + timedelta(seconds=step.time_limit)


def _late(step: Step, status: StepStatus, attempt: str, observed: Observed, now: datetime) -> Outcome | None:
    """Judges a step whose time is over: only what was really under way can blame the system under test."""
    if step.load and load.being_read(attempt, step.load, observed):
        return None
    if step.job and step.job.junit and jobs.being_read(attempt, observed):
        return None
    waited = _waits_for(step, status, attempt, observed, now)
    message = f"not ended within {step.time_limit:g}s" + (f": {waited}" if waited else "")
    job = observed.jobs.get(attempt)
    if job and job.refusal:
        return Outcome(StepState.ERROR, "PodsRefused", message)
    if step.wait:
        return Outcome(waits.late(step.wait, observed), "Timeout", message)
    to_blame = step.asks or (step.job and any(pod.running for pod in observed.pods_of(attempt)))
    return Outcome(StepState.FAILED if to_blame else StepState.ERROR, "Timeout", message)


def _outcome(step: Step, status: StepStatus, attempt: str, observed: Observed, now: datetime) -> Outcome | None:
    if step.job:
        return jobs.judge_job(attempt, observed, now, step.job)
    if step.load:
        return load.judge_load(attempt, step.load, observed, now, status.load)
    if step.wait:
        return waits.judge_wait(step.wait, status, observed, now)
    outcome = observed.outcomes.get(attempt)
    if outcome is None and step.http and not step.http.idempotent and attempt not in observed.checking:
        # Its intent is on record but nobody waits for its answer: the operator was restarted in between.
        message = f"the operator stopped while this {step.http.method} was under way; it may or may not have arrived"
        return Outcome(StepState.ERROR, "Interrupted", message)
    return outcome


def _waits_for(step: Step, status: StepStatus, attempt: str, observed: Observed, now: datetime) -> str:
    """Says what a running step waits for."""
    if step.job:
        return jobs.waits_for(attempt, observed, now)
    if step.load:
        return load.waits_for(attempt, step.load, observed, now)
    if step.wait:
        return waits.waits_for(step.wait, status, observed)
    return ""
