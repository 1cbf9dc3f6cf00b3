"""What became of a Job: judged by the ended container, never by an absence."""

from dataclasses import replace
from datetime import datetime

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.api.step import Job
from seatrial.plan.decision import StartJob
from seatrial.plan.evidence import awaiting_tail, with_last_line
from seatrial.plan.observed import JobSeen, Observed, PodSeen
from seatrial.plan.pods import its_container, trouble
from seatrial.plan.testcases import judge_test_cases


def judge_job(step: str, observed: Observed, now: datetime, spec: Job | None = None) -> Outcome | None:
    """Judges the Job of a step.

    Args:
        step: Name of the setup, step or teardown entry, whose Job has been created.
        observed: What was seen.
        now: The present.
        spec: What the user wrote; where it asks for test cases, they are judged as well.

    Returns:
        Its outcome, or None while it goes on.
    """
    if refusal := observed.refusals.get(StartJob(step).key):
        return Outcome(StepState.ERROR, observed.refusal_reason(StartJob(step).key), refusal)
    if StartJob(step).key in observed.held:
        return None
    pods = observed.pods_of(step)
    outcome = judge_pods(observed.jobs.get(step), pods, now)
    ended = next((pod for pod in pods if pod.exit_code is not None), None)
    if outcome is None or ended is None:
        return outcome
    if spec is not None and spec.junit:
        outcome = judge_test_cases(ended, outcome, observed.files.get(ended.name))
    return with_last_words(ended, outcome, observed, now) if outcome else None


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


def being_read(step: str, observed: Observed) -> bool:
    """Whether the container has ended and only its files remain to be read, which has its own time limit."""
    return any(
        pod.exit_code is not None and pod.hands_over and pod.name not in observed.files
        for pod in observed.pods_of(step)
    )


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


def with_last_words(pod: PodSeen, outcome: Outcome, observed: Observed, now: datetime) -> Outcome | None:
    """Adds the end of its log to what became of an ended container; None as long as that may still come in time."""
    if outcome.reason != "ExitCode":
        return outcome
    if awaiting_tail(pod, observed, now):
        return None
    return replace(outcome, message=with_last_line(outcome.message, pod, observed))


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
