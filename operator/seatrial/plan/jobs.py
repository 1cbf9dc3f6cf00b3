"""What became of a Job: judged by the ended container, never by an absence."""

from datetime import datetime

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.plan.decision import StartJob
from seatrial.plan.observed import JobSeen, Observed, PodSeen
from seatrial.plan.pods import its_container, trouble


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
        return Outcome(StepState.ERROR, observed.refusal_reason(StartJob(step).key), refusal)
    if StartJob(step).key in observed.held:
        return None
    return judge_pods(observed.jobs.get(step), observed.pods_of(step), now)


def judge_pods(job: JobSeen | None, pods: tuple[PodSeen, ...], now: datetime) -> Outcome | None:
    """Judges a Job that has been created.

    Args:
        job: The Job, if it is still there.
        pods: Its pods.
        now: The present.

    Returns:
        Its outcome, or None while it goes on.
    """
    ended = next((pod for pod in pods if pod.exit_code is not None), None)
    if ended is not None:
        return _judge_container(ended)
    if job is None:
        return Outcome(StepState.ERROR, "JobLost", "its Job was deleted by somebody else")
    if job.complete or job.failed:
        taken = next((pod for pod in pods if pod.disruption), None)
        if taken is not None:
            return _taken_away(taken)
        if pods:
            return None  # the Job's watch was faster than the pod's, which will tell the exit code
        why = f"{job.reason}: {job.message}" if job.reason else "its pod is gone, so its exit code is unknown"
        return Outcome(StepState.ERROR, "PodLost", why)
    wrong = trouble(pods, now)
    if wrong and wrong.final:
        return Outcome(StepState.ERROR, wrong.reason, wrong.message)
    return None


def waits_for(step: str, observed: Observed, now: datetime) -> str:
    """Says what a Job that has not ended waits for."""
    if held := observed.held.get(StartJob(step).key):
        return held.message
    job = observed.jobs.get(step)
    if job and job.refusal:
        return job.refusal
    wrong = trouble(observed.pods_of(step), now)
    return wrong.message if wrong else ""


def _taken_away(pod: PodSeen) -> Outcome:
    return Outcome(StepState.ERROR, pod.disruption, f"pod {pod.name} was taken away: {pod.disruption}")


def _judge_container(pod: PodSeen) -> Outcome:
    if pod.disruption:
        return _taken_away(pod)
    if pod.deleting_since is not None:
        # Told to stop, a container may well end with exit code 0: that is no evidence that it did its work.
        return Outcome(StepState.ERROR, "PodDeleted", f"pod {pod.name} was deleted by somebody else")
    if pod.exit_code == 0:
        return Outcome(StepState.SUCCEEDED, "Completed", "exit code 0")
    if pod.ended_reason == "OOMKilled":
        return Outcome(
            StepState.ERROR, "OOMKilled", f"pod {pod.name} exceeded its memory limit: raise resources.limits"
        )
    if pod.ended_reason in {"ContainerCannotRun", "StartError"}:
        message = f"pod {pod.name}: {its_container(pod)} could not start: {pod.waiting_message or pod.ended_reason}"
        return Outcome(StepState.ERROR, "ContainerCannotRun", message)
    which = "its init container ended with " if pod.init else ""
    return Outcome(StepState.FAILED, "ExitCode", f"{which}exit code {pod.exit_code}")
