"""What became of a Job: judged by the ended container, never by an absence."""

from datetime import datetime

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.plan.decision import StartJob
from seatrial.plan.observed import Observed, PodSeen
from seatrial.plan.pods import trouble


def judge_job(step: str, observed: Observed, now: datetime) -> Outcome | None:
    """Judges the Job of a step.

    Args:
        step: Name of the setup, step or teardown entry, whose Job has been created.
        observed: What was seen.
        now: The present.

    Returns:
        Its outcome, or None while it goes on.
    """
    if refusal := observed.refusals.get(StartJob(step).key):
        return Outcome(StepState.ERROR, "Refused", refusal)
    pods = observed.pods_of(step)
    job = observed.jobs.get(step)
    ended = next((pod for pod in pods if pod.exit_code is not None), None)
    if ended is not None and ended.disruption:
        return Outcome(StepState.ERROR, ended.disruption, f"pod {ended.name} was taken away: {ended.disruption}")
    if ended is not None:
        return _judge_container(ended)
    if job is None:
        return Outcome(StepState.ERROR, "JobLost", "its Job was deleted by somebody else")
    if job.complete or job.failed:
        why = f"{job.reason}: {job.message}" if job.reason else "its pod is gone, so its exit code is unknown"
        return Outcome(StepState.ERROR, "PodLost", why)
    wrong = trouble(pods, now)
    if wrong and wrong.final:
        return Outcome(StepState.ERROR, wrong.reason, wrong.message)
    return None


def waits_for(step: str, observed: Observed, now: datetime) -> str:
    """Says what a Job that has not ended waits for."""
    job = observed.jobs.get(step)
    if job and job.refusal:
        return job.refusal
    wrong = trouble(observed.pods_of(step), now)
    return wrong.message if wrong else ""


def _judge_container(pod: PodSeen) -> Outcome:
    if pod.exit_code == 0:
        return Outcome(StepState.SUCCEEDED, "Completed", "exit code 0")
    if pod.ended_reason == "OOMKilled":
        return Outcome(
            StepState.ERROR, "OOMKilled", f"pod {pod.name} exceeded its memory limit: raise resources.limits"
        )
    if pod.ended_reason in {"ContainerCannotRun", "StartError"}:
        message = f"pod {pod.name}: its container could not start: {pod.waiting_message or pod.ended_reason}"
        return Outcome(StepState.ERROR, "ContainerCannotRun", message)
    return Outcome(StepState.FAILED, "ExitCode", f"exit code {pod.exit_code}")
