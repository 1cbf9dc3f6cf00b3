"""Why a pod does not do what it should, in words for people, and for how long that is tolerated."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.plan.observed import PodSeen

#: Waiting reasons that no time will heal.
_HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"})
#: Waiting reasons of a pull that may still succeed: registries have bad moments.
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
PULL_PATIENCE = timedelta(seconds=15)
#: A node may come or get room meanwhile.
SCHEDULING_PATIENCE = timedelta(seconds=60)
#: Restarts after which a service counts as broken instead of slow, some 30 s after its first start. Some need a
#: dependency that comes a little later.
RESTARTS_TOLERATED = 3


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a pod.

    Attributes:
        reason: Stable CamelCase word.
        message: Sentence for a person.
        final: Whether waiting longer is pointless.
    """

    reason: str
    message: str
    final: bool


def trouble(pods: Iterable[PodSeen], now: datetime) -> Trouble | None:
    """Finds what is wrong with the worst of some pods; final troubles come first."""
    found = [one for one in (_trouble(pod, now) for pod in pods if pod.deleting_since is None) if one]
    return min(found, key=lambda one: not one.final, default=None)


def patience_ends(pods: Iterable[PodSeen], now: datetime) -> list[datetime]:
    """When troubles that are tolerated for a time will cease to be."""
    ends = [
        pod.created + (PULL_PATIENCE if pod.waiting in _PULLING else SCHEDULING_PATIENCE)
        for pod in pods
        if pod.waiting in _PULLING or pod.unschedulable
    ]
    return [end for end in ends if end > now]


def _trouble(pod: PodSeen, now: datetime) -> Trouble | None:
    if pod.disruption:
        return Trouble(pod.disruption, f"pod {pod.name} was taken away: {pod.disruption}", final=False)
    if pod.waiting in _HOPELESS:
        return Trouble(pod.waiting, f"{_place(pod)}: {pod.waiting_message or pod.waiting}", final=True)
    if pod.waiting in _PULLING:
        final = now >= pod.created + PULL_PATIENCE
        return Trouble("ImagePullFailed", f"{_place(pod)}: {pod.waiting_message or pod.waiting}", final=final)
    if pod.restarts or pod.waiting == "CrashLoopBackOff":
        return Trouble("CrashLoop", _crash(pod), final=pod.restarts >= RESTARTS_TOLERATED)
    if pod.unschedulable:
        final = now >= pod.created + SCHEDULING_PATIENCE
        return Trouble("Unschedulable", f"pod {pod.name}: {pod.unschedulable}", final=final)
    return None


def _crash(pod: PodSeen) -> str:
    code = "" if pod.last_exit_code is None else f" with exit code {pod.last_exit_code}"
    why = f" ({pod.last_ended_reason})" if pod.last_ended_reason not in {"", "Error"} else ""
    return f"pod {pod.name}: {its_container(pod)} ended{code}{why} and was restarted {pod.restarts} times"


def its_container(pod: PodSeen) -> str:
    """Which of its containers is spoken of."""
    return "its init container" if pod.init else "its container"


def _place(pod: PodSeen) -> str:
    return f"pod {pod.name}, init container" if pod.init else f"pod {pod.name}"
