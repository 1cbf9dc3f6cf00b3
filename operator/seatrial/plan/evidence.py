"""What is to be read out of pods while they are there: the ends of failed containers' logs, and files of Jobs."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.outcome import shortened
from seatrial.api.status import (
    MESSAGE_BYTES,
    LoadTestStatus,
    ServiceState,
    StepState,
    StepStatus,
    TestScenarioStatus,
    TrialStatus,
)
from seatrial.plan.observed import Observed, PodSeen

#: For how long a step's end, or the first deletion, waits for what is being read.
PATIENCE = timedelta(seconds=5)
#: Pods of one run whose logs are read at most.
TAILS = 30

_FAILED = frozenset({StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE})


def wanted_tails(status: TrialStatus, observed: Observed) -> frozenset[str]:
    """Pods of whose log the end is wanted and not read yet: crashed ones, and those that failed steps left running.

    Args:
        status: The run, which tells whose pods have failed without a crash.
        observed: What was seen.
    """
    unhappy = _unhappy(status)
    wanted = sorted(
        pod.name
        for pod in observed.pods
        # Containers that we ourselves told to stop have not failed.
        if pod.deleting_since is None and (pod.crashed or (pod.running and pod.owner in unhappy))
    )[:TAILS]
    pods = {pod.name: pod for pod in observed.pods}
    return frozenset(name for name in wanted if not _read(pods[name], observed))


def wanted_files(observed: Observed) -> frozenset[str]:
    """Pods whose container has ended and whose sidecar has not been heard out."""
    return frozenset(
        pod.name
        for pod in observed.pods
        if pod.hands_over and pod.exit_code is not None and pod.deleting_since is None
        if pod.name not in observed.files
    )


def wanted_courses(status: TrialStatus, observed: Observed) -> frozenset[str]:
    """Loads whose workers' output must be read once more, because the operator that had read it was stopped.

    Their counts are in status, but the course over time is only in the workers' output and, later, in the report.
    Reading has its own time limit, after which a worker counts as unreadable.
    """
    if not isinstance(status, LoadTestStatus) or status.result is None or not status.result.requests:
        return frozenset()
    wanted = set()
    for pod in observed.pods:
        seen = observed.loads.get(pod.owner)
        told = (seen.finished | seen.interrupted | frozenset(seen.unreadable)) if seen else frozenset()
        less = seen is None or seen.result.requests < status.result.requests
        if less and pod.index is not None and pod.index not in told and pod.exit_code is not None:
            wanted.add(pod.owner)
    return frozenset(wanted)


def awaiting_tail(pod: PodSeen, observed: Observed, now: datetime) -> bool:
    """Whether the end of a failed container's log may still come in time for the message."""
    return bool(tail_patience_ends([pod], observed, now))


def tail_patience_ends(pods: Iterable[PodSeen], observed: Observed, now: datetime) -> list[datetime]:
    """When the logs of ended containers will not be waited for any more.

    A node's clock may be wrong: an end in the future, or long ago, is not waited for.
    """
    return [
        pod.ended_at + PATIENCE
        for pod in pods
        if pod.ended_at is not None and pod.exit_code not in (None, 0) and not _read(pod, observed)
        if pod.ended_at <= now < pod.ended_at + PATIENCE
    ]


def named_in(message: str, pods: Iterable[PodSeen]) -> PodSeen | None:
    """The pod that a message is about."""
    return next((pod for pod in pods if f"pod {pod.name}:" in message), None)


def with_last_line(message: str, pod: PodSeen | None, observed: Observed) -> str:
    """Adds the last line of a crashed container's log to a message, as far as there is room for it."""
    tail = observed.tails.get(pod.name) if pod is not None and pod.crashed else None
    if tail is None or (not tail.lines and not tail.unreadable):
        return message
    words = tail.lines[-1] if tail.lines else f"(its log could not be read: {tail.unreadable})"
    room = MESSAGE_BYTES - len(message.encode()) - 2
    return f"{message}: {shortened(words, room)}" if room > 20 else message


def _read(pod: PodSeen, observed: Observed) -> bool:
    """Whether its log was read since its container last ended."""
    tail = observed.tails.get(pod.name)
    return tail is not None and tail.restarts >= pod.restarts


def _unhappy(status: TrialStatus) -> set[str]:
    """Services and steps that have failed, though perhaps their containers go on."""
    if not isinstance(status, TestScenarioStatus):
        return set()
    steps: list[StepStatus] = [*status.setup, *status.steps, *status.teardown]
    return {names.attempt(step.name, step.attempts) for step in steps if step.state in _FAILED} | {
        service.name for service in status.services if service.state is ServiceState.ERROR
    }
