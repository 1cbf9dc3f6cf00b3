"""When the workers of one load begin: all at one moment, once all are ready."""

from collections import Counter
from datetime import datetime, timedelta

from seatrial.api.load import LoadSpec
from seatrial.api.timestamp import stamp
from seatrial.plan.decision import BeginLoad
from seatrial.plan.observed import Observed, PodSeen

#: From the decision to the start. In this time the moment is written to each pod, and their kubelets bring it into a
#: file. Who gets it later begins later, which is measured.
LEAD = timedelta(seconds=2)
#: A kubelet brings it to one pod after the other, so for each of those on the same node it is given this much more.
LEAD_FOR_EACH = timedelta(milliseconds=50)
#: Time in which this process hears of a worker that is ready, after it has begun to listen.
HEARING = timedelta(seconds=10)


def begins(step: str, spec: LoadSpec, observed: Observed, now: datetime) -> tuple[BeginLoad, ...]:
    """Tells the workers when to begin.

    The moment is one for all. Should only some have been told before a crash, theirs counts for the rest too.

    Args:
        step: Name of the attempt.
        spec: The load.
        observed: What was seen.
        now: The present.
    """
    seen = observed.loads.get(step)
    if spec.workers == 1 or step not in observed.jobs or seen is None or len(seen.ready) < spec.workers:
        return ()
    untold = [pod for pod in _alive(step, observed) if not pod.begins and pod.index not in seen.begun]
    if not untold:
        return ()
    at = min(moments(step, observed), default=now + _lead(untold))
    return (BeginLoad(step, tuple(sorted(pod.name for pod in untold)), stamp(at)),)


def started(step: str, spec: LoadSpec, observed: Observed, now: datetime) -> int:
    """How many workers have done their part to start.

    A single one has when its pod runs; of several, each when it is ready. After a restart of the operator, pods tell
    before their output has been read again, so those that run count for a while.

    Args:
        step: Name of the attempt.
        spec: The load.
        observed: What was seen.
        now: The present.
    """
    pods, seen = observed.pods_of(step), observed.loads.get(step)
    ready = seen.ready if seen else frozenset()
    deaf = seen is None or seen.since is None or now < seen.since + HEARING
    done = {pod.index for pod in pods if pod.exit_code is not None or pod.begins}
    done |= {pod.index for pod in pods if pod.running and (deaf or spec.workers == 1)}
    return len(done | ready)


def holds(step: str, spec: LoadSpec, observed: Observed) -> bool:
    """Whether workers still wait to be told."""
    seen = observed.loads.get(step)
    return spec.workers > 1 and not moments(step, observed) and not (seen and seen.begun)


def moments(step: str, observed: Observed) -> list[datetime]:
    """When workers that have been told begin or began."""
    return [pod.begins for pod in observed.pods_of(step) if pod.begins]


def hearing_ends(step: str, observed: Observed, now: datetime) -> list[datetime]:
    """When a worker that runs and says nothing ceases to count as started."""
    seen = observed.loads.get(step)
    end = seen.since + HEARING if seen and seen.since else now
    return [end] if end > now else []


def waits_for(step: str, spec: LoadSpec, observed: Observed) -> str:
    """Says what workers that have not begun wait for."""
    seen = observed.loads.get(step)
    ready = seen.ready if seen else frozenset()
    if spec.workers == 1 or (seen and seen.begun):
        return ""
    if len(ready) < spec.workers:
        return f"{len(ready)} of {spec.workers} workers are ready"
    at = min(moments(step, observed), default=None)
    return f"all workers begin at {stamp(at)}" if at else "all workers are ready"


def _lead(pods: list[PodSeen]) -> timedelta:
    """Time that the kubelet with the most of some pods is given."""
    return LEAD + LEAD_FOR_EACH * max(Counter(pod.node for pod in pods).values())


def _alive(step: str, observed: Observed) -> list[PodSeen]:
    pods = observed.pods_of(step)
    return [pod for pod in pods if pod.index is not None and pod.exit_code is None and pod.deleting_since is None]
