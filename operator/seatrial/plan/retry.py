"""Whether, and when, a step is attempted again."""

import hashlib
from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.retry import RetryResult
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import Step
from seatrial.api.timestamp import moment, stamp, stamp_seconds
from seatrial.plan.observed import Observed, PodSeen

#: Seconds for which the next attempt waits, beyond its pause, until the pods of the last one have ended.
STOP_PATIENCE = 30

_RESULTS = {
    StepState.FAILED: RetryResult.FAILURE,
    StepState.ERROR: RetryResult.ERROR,
    StepState.INCONCLUSIVE: RetryResult.ERROR,
}


def wanted(step: Step, status: StepStatus, outcome: Outcome) -> bool:
    """Whether the user asks for another attempt after this one."""
    retry = step.retry
    return retry is not None and status.attempts <= retry.limit and _RESULTS.get(outcome.state) in retry.on_results


def pause(step: Step, attempt: int, seed: str) -> timedelta:
    """The pause after an attempt.

    Half of it follows from the run and the step, so that steps that failed together do not come back together, and a
    crash changes nothing.

    Args:
        step: The step.
        attempt: Number of the attempt that has ended, from 1.
        seed: Tells runs apart.
    """
    assert step.retry is not None  # noqa: S101 - only steps with a retry are attempted again
    backoff = step.retry.backoff
    longest: timedelta = min(backoff.initial * 2 ** (attempt - 1), backoff.max)
    digest = hashlib.sha256(f"{seed}/{step.name}/{attempt}".encode()).digest()
    share = 0.5 + int.from_bytes(digest[:4]) / 2**33
    return longest * share


def backing_off(step: Step, status: StepStatus, outcome: Outcome, seed: str, now: datetime) -> StepStatus:
    """The status of a step between two attempts."""
    assert step.retry is not None  # noqa: S101 - only steps with a retry are attempted again
    next_at = now + pause(step, status.attempts, seed)
    why = outcome.message or outcome.reason
    message = (
        f"attempt {status.attempts} of at most {step.retry.limit + 1} ended {outcome.state} ({outcome.reason}), "
        f"the next is due at {stamp_seconds(next_at)}: {why}"
    )
    return status.model_copy(
        update={
            "state": StepState.PENDING,
            "reason": "Backoff",
            "message": shortened(message),
            "next_attempt_at": stamp(next_at),
        }
    )


def due(status: StepStatus) -> datetime:
    """When a step that waits for its next attempt may have it."""
    return moment(status.next_attempt_at or "")


def hindered_until(status: StepStatus, observed: Observed, now: datetime) -> datetime | None:
    """Until when, at most, the next attempt waits because the last one has not let go yet."""
    limit = due(status) + timedelta(seconds=STOP_PATIENCE)
    return limit if now < limit and any(map(_alive, left(status, observed))) else None


def left(status: StepStatus, observed: Observed) -> tuple[PodSeen, ...]:
    """Pods of the last attempt."""
    return observed.pods_of(names.attempt(status.name, status.attempts))


def abandoned(status: StepStatus, observed: Observed) -> bool:
    """Whether the Job of the last attempt still goes on, so that two attempts would meet."""
    job = observed.jobs.get(names.attempt(status.name, status.attempts))
    return job is not None and not (job.complete or job.failed) and not _all_ended(left(status, observed))


def _all_ended(pods: tuple[PodSeen, ...]) -> bool:
    return bool(pods) and all(pod.exit_code is not None for pod in pods)


def _alive(pod: PodSeen) -> bool:
    return pod.exit_code is None
