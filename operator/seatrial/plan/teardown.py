"""How what a run made is taken away, in which order, and what is named when it does not go."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from seatrial.plan.decision import Action, DeleteNamespace, DeleteRest, StopWorkloads, earliest
from seatrial.plan.observed import Observed, PodSeen

#: For how long something may be in the way before it is named: long enough that what goes by itself is not.
PATIENCE = timedelta(seconds=5)
#: The same for content of a namespace that nothing holds: pods that use the time they were given are content too.
CONTENT_PATIENCE = timedelta(seconds=20)
#: Seconds beyond its grace that a kubelet may take to tell that a pod has ended.
POD_PATIENCE = timedelta(seconds=10)
#: What is named at most: the message is for a person.
NAMED = 5

#: Kinds whose objects make pods; they go first, and with them their pods, so that nothing that still runs misses a
#: Service or its configuration.
WORKLOADS = frozenset({"Deployment", "StatefulSet", "Job"})

_CONTENT = "NamespaceContentRemaining"


def left(observed: Observed) -> bool:
    """Whether anything of an environment beside the resource is still there, its pods and record included."""
    return any(thing.beside for thing in observed.objects)


def take_away(observed: Observed) -> tuple[Action, ...]:
    """Decides what to delete now.

    Args:
        observed: What was seen of a run whose teardown Jobs have ended.

    Returns:
        Nothing while it is only to be waited for.
    """
    namespace = observed.namespace
    if namespace is not None and not namespace.record:
        # Both at once: Kubernetes lets five seconds pass before it empties a namespace, in which the pods end on their
        # own. So they are gone before the namespace's network policies are (KEP-5080), and nobody waits for them
        # separately.
        stop: tuple[Action, ...] = (StopWorkloads(),) if _has_workloads(observed) else ()
        delete: tuple[Action, ...] = () if namespace.terminating else (DeleteNamespace(namespace.uid),)
        return (*stop, *delete)
    beside = [thing for thing in observed.objects if thing.beside]
    workloads = [thing for thing in beside if thing.kind in WORKLOADS]
    if any(thing.deleting_since is None for thing in workloads):
        return (StopWorkloads(),)
    if workloads or any(thing.kind == "Pod" for thing in beside):
        return ()
    return (DeleteRest(),) if any(thing.deleting_since is None for thing in beside) else ()


def blocker(observed: Observed, now: datetime) -> str:
    """Names what is in the way of taking a run away; empty while nothing is, or has been only for a moment."""
    named = sorted(text for due, text in _hindrances(observed) if due <= now)
    more = f"; and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return "; ".join(named[:NAMED]) + more


def next_look(observed: Observed, now: datetime) -> datetime | None:
    """When something that is in the way will have been so for long enough to be named."""
    return earliest(due for due, _ in _hindrances(observed) if due > now)


def _has_workloads(observed: Observed) -> bool:
    return bool(observed.deployments or observed.completions or observed.jobs)


def _hindrances(observed: Observed) -> Iterator[tuple[datetime, str]]:
    """What is in the way, each with the moment from which on it is to be named."""
    for refused in observed.undeleted.values():
        yield refused.since, refused.message
    yield from _remarks(observed)
    for thing in observed.objects:
        if thing.kind != "Pod" and thing.deleting_since and thing.finalizers:
            yield thing.deleting_since + PATIENCE, f"{thing.kind} {thing.name} has {_finalizers(thing.finalizers)}"
    for pod in observed.pods:
        if pod.deleting_since:
            yield pod.deleting_since + POD_PATIENCE, _pod(pod, pod.deleting_since)


def _remarks(observed: Observed) -> Iterator[tuple[datetime, str]]:
    remarks = observed.namespace.remarks if observed.namespace else ()
    certain = [remark.since for remark in remarks if remark.kind != _CONTENT]
    for remark in remarks:
        # What holds it is told without the names of what is held; the remark about content has those.
        since = min(certain) if remark.kind == _CONTENT and certain else remark.since
        patience = CONTENT_PATIENCE if remark.kind == _CONTENT and not certain else PATIENCE
        yield since + patience, remark.message


def _finalizers(names: tuple[str, ...]) -> str:
    return f"the finalizer{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _pod(pod: PodSeen, since: datetime) -> str:
    """The moment is absolute: a text that changed every second would be written every second."""
    where = f" on node {pod.node}" if pod.node else ""
    said = f"pod {pod.name}{where} should have ended at {since:%H:%M:%S} UTC"
    if pod.finalizers:
        return f"{said} and has {_finalizers(pod.finalizers)}"
    if pod.disruption == "NodeLost":
        return f"{said}, but its node is lost: once that is certainly off, delete the pod with --force"
    return said
