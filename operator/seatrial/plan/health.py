"""Services that have been healthy: which of them are not any more, since when, and what that means for the run."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from seatrial.api.environment import Service
from seatrial.api.outcome import shortened
from seatrial.api.status import MESSAGE_BYTES, ServiceState, ServiceStatus, StepState, StepStatus, Verdict
from seatrial.api.timestamp import moment, stamp
from seatrial.plan.decision import Announcement
from seatrial.plan.observed import Observed, PodSeen
from seatrial.plan.pods import Trouble, trouble
from seatrial.plan.verdict import Judgement

#: States of services that are watched.
WATCHED = frozenset({ServiceState.HEALTHY, ServiceState.UNHEALTHY})

OOM_KILLED = "OOMKilled"
#: Interruptions that say nothing against the service and leave no run passed: what was tested was not all of it.
GRAVE = frozenset({OOM_KILLED, "Evicted", "NodeLost", "Preempted", "Disrupted"})

#: Interruptions of one service of which there is an Event each; one that flaps must not flood its namespace.
ANNOUNCED = 5

_BLAMING = frozenset({StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE})


def became_healthy(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> ServiceStatus:
    """The status of a service that is healthy for the first time."""
    return status.model_copy(
        update={
            "state": ServiceState.HEALTHY,
            "reason": "Healthy",
            "message": "",
            "healthy_at": stamp(now),
            "pods": _digest(service, observed) if _counted(service, observed) else "",
        }
    )


def watch_services(
    services: Iterable[Service], before: Iterable[ServiceStatus], observed: Observed, now: datetime
) -> list[ServiceStatus]:
    """Says how the services are that have been healthy; others stay as they are.

    Args:
        services: What is wanted.
        before: Their status up to now.
        observed: What was seen.
        now: The present.
    """
    specs = {service.name: service for service in services}
    return [
        watched(specs[status.name], status, observed, now) if status.state in WATCHED else status for status in before
    ]


def watched(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> ServiceStatus:
    """Says how a service is that has been healthy: noticed as soon as anything tells, and back once everything does."""
    if service.existing:
        return status  # not ours to watch: its steps tell
    wrong = what_is_wrong(service, status, observed, now)
    if wrong is not None:
        if status.state is ServiceState.HEALTHY:
            status = _interrupted(status, wrong, now)
        return _moved(status, ServiceState.UNHEALTHY, wrong)
    pods = _digest(service, observed)
    if status.state is ServiceState.UNHEALTHY:
        return _recovered(status, pods, now) if _answers_again(service, observed) else status
    if status.pods and pods and pods != status.pods:
        # Over before it could be seen, or while no operator was there.
        passed = _cause(service, status, observed, now) or Trouble(
            "PodsReplaced", "its pods were replaced", final=False
        )
        return _recovered(_moved(_interrupted(status, passed, now), ServiceState.UNHEALTHY, passed), pods, now)
    if status.pods or not _counted(service, observed):
        return status
    return status.model_copy(update={"pods": pods})


def what_is_wrong(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> Trouble | None:
    """Names what speaks against a service that has been healthy, if anything does."""
    ready = _ready(service, observed)
    # Of a service that runs already its pods are not ours to watch: its probe tells, if it has one.
    if service.existing is None and ready < service.replicas and not _awaits_kubelet(service, status, observed):
        # One that runs may have been restarted before the service was healthy, which says nothing about now.
        stopped = [pod for pod in observed.pods_of_service(service.name) if not pod.running]
        why = _cause(service, status, observed, now) or trouble(stopped, now)
        return why or Trouble("PodsNotReady", f"{ready} of {service.replicas} pods ready", final=False)
    probe = observed.probes.get(service.name)
    if probe is not None and probe.failures >= service.ready.failure_threshold:
        return Trouble("ProbeFailing", probe.failure, final=False)
    return None


def _ready(service: Service, observed: Observed) -> int:
    """Pods that are ready, as what made them says, which learns of it a little after the pods do."""
    deployment = observed.deployments.get(service.name)
    return deployment.ready if deployment else 0


def _counted(service: Service, observed: Observed) -> bool:
    """Whether all pods are known to be ready: from then on it counts against the service if one is not."""
    return service.existing is not None or _ready(service, observed) >= service.replicas


def _awaits_kubelet(service: Service, status: ServiceStatus, observed: Observed) -> bool:
    """Whether the kubelet has not looked again yet since the probe through the Service found the pod healthy."""
    if status.pods or not service.found_by_probe:
        return False
    return any(pod.running and pod.deleting_since is None for pod in observed.pods_of_service(service.name))


def wanted_watches(services: Iterable[Service], statuses: Iterable[ServiceStatus]) -> frozenset[str]:
    """Names of the services that go on being probed."""
    probed = {service.name for service in services if service.ready.probe is not None and not service.existing}
    return frozenset(status.name for status in statuses if status.state in WATCHED and status.name in probed)


def notes(services: Sequence[ServiceStatus], since: str | None) -> str:
    """Names a service that was not healthy at some time since a moment; empty if all were."""
    for service in services:
        if service.state is ServiceState.UNHEALTHY:
            return f"service {service.name} was not healthy since {service.interrupted_at}: {service.reason}"
    for service in services:
        if service.recovered_at and since and moment(service.recovered_at) >= moment(since):
            span = f"from {service.interrupted_at} to {service.recovered_at}"
            return f"service {service.name} was not healthy {span}: {service.interrupted_by}"
    return ""


def with_notes(
    before: Sequence[StepStatus], after: Sequence[StepStatus], services: Sequence[ServiceStatus]
) -> list[StepStatus]:
    """Adds to the messages of steps that have just ended badly which service was not healthy meanwhile."""
    open_before = {step.name for step in before if not step.state.ended}
    return [
        _noted(step, notes(services, step.started_at))
        if step.name in open_before and step.state in _BLAMING and step.started_at
        else step
        for step in after
    ]


def judged_by_health(judgement: Judgement, services: Sequence[ServiceStatus]) -> Judgement:
    """What services that were not healthy leave of a verdict: nothing has passed in an environment that broke under it.

    Args:
        judgement: The judgement of the steps.
        services: Status of the services, as they are now.
    """
    if judgement.verdict is not Verdict.PASSED:
        return judgement
    for status in services:
        if status.state is ServiceState.UNHEALTHY:
            message = f"not healthy any more at the end: service {status.name}: {status.message}"
            return Judgement(Verdict.ERROR, "ServiceUnhealthy", message)
    for status in services:
        if status.interrupted_by in GRAVE:
            message = f"service {status.name} was interrupted during the run: {status.interrupted_by}"
            remedy = "; raise its resources.limits" if status.interrupted_by == OOM_KILLED else ""
            return Judgement(Verdict.ERROR, status.interrupted_by, message + remedy)
    interrupted = [f"{one.name} {_times(one.interruptions)}" for one in services if one.interruptions]
    if not interrupted:
        return judgement
    message = f"{judgement.message}; interrupted and recovered: {', '.join(interrupted)}"
    return Judgement(judgement.verdict, judgement.reason, message)


def announced_health(before: Iterable[ServiceStatus], after: Iterable[ServiceStatus]) -> tuple[Announcement, ...]:
    """Events for services that have become unhealthy."""
    known = {status.name: status.interruptions for status in before}
    return tuple(
        Announcement(True, "ServiceUnhealthy", f"service {status.name} is not healthy any more: {status.message}")
        for status in after
        if known.get(status.name, 0) < status.interruptions <= ANNOUNCED
    )


def _interrupted(status: ServiceStatus, wrong: Trouble, now: datetime) -> ServiceStatus:
    grave = status.interrupted_by in GRAVE and wrong.reason not in GRAVE
    return status.model_copy(
        update={
            "interruptions": status.interruptions + 1,
            "interrupted_at": stamp(now),
            "interrupted_by": status.interrupted_by if grave else wrong.reason,
        }
    )


def _moved(status: ServiceStatus, state: ServiceState, wrong: Trouble) -> ServiceStatus:
    """Says what is wrong now; a cause that is found out later, as an eviction is, counts for the whole interruption."""
    update = {"state": state, "reason": wrong.reason, "message": shortened(wrong.message)}
    if wrong.reason in GRAVE:
        update["interrupted_by"] = wrong.reason
    return status.model_copy(update=update)


def _recovered(status: ServiceStatus, pods: str, now: datetime) -> ServiceStatus:
    return status.model_copy(
        update={
            "state": ServiceState.HEALTHY,
            "reason": "Recovered",
            "message": shortened(f"was not healthy from {status.interrupted_at} to {stamp(now)}: {status.message}"),
            "recovered_at": stamp(now),
            "pods": pods,
        }
    )


def _answers_again(service: Service, observed: Observed) -> bool:
    """Whether the probe, where there is one, has succeeded often enough since it failed, or since a restart of ours."""
    probe = observed.probes.get(service.name)
    return service.ready.probe is None or (probe is not None and probe.successes >= service.ready.success_threshold)


def _cause(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> Trouble | None:
    """What ended a pod or its container, where that says nothing about the service's own doing."""
    pods = observed.pods_of_service(service.name)
    for pod in pods:
        if pod.disruption:
            return Trouble(pod.disruption, f"pod {pod.name} was taken away: {pod.disruption}", final=False)
    # A container that ran out of memory before the service was healthy still says so in its pod's last state.
    restarted = _identity(pods) != status.pods
    for pod in pods:
        if pod.ended_reason == OOM_KILLED or (restarted and pod.last_ended_reason == OOM_KILLED):
            return Trouble(OOM_KILLED, f"pod {pod.name} exceeded its memory limit: raise resources.limits", final=False)
    return trouble(pods, now) if restarted else None


def _digest(service: Service, observed: Observed) -> str:
    """Tells the pods of a healthy service, and their restarts, from others; empty while not all of them are seen."""
    pods = [pod for pod in observed.pods_of_service(service.name) if pod.ready and pod.deleting_since is None]
    return _identity(pods) if pods and len(pods) >= service.replicas else ""


def _identity(pods: Iterable[PodSeen]) -> str:
    living = [pod for pod in pods if pod.deleting_since is None and not pod.disruption]
    text = ";".join(sorted(f"{pod.name}/{pod.created.isoformat()}/{pod.restarts}" for pod in living))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _noted(step: StepStatus, note: str) -> StepStatus:
    if not note:
        return step
    room = MESSAGE_BYTES - len(note.encode()) - len(" ()")
    return step.model_copy(update={"message": f"{shortened(step.message, max(room, 40))} ({note})"})


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
