"""How the services of an environment come up: each when those it depends on are ready for it."""

from dataclasses import dataclass
from datetime import datetime

from seatrial.api.environment import DependencyCondition, Service
from seatrial.api.outcome import shortened
from seatrial.api.status import ServiceState, ServiceStatus
from seatrial.api.timestamp import moment, stamp
from seatrial.plan.completion import completion
from seatrial.plan.decision import Action, StartService, earliest
from seatrial.plan.evidence import named_in, with_last_line
from seatrial.plan.existing import progress_existing
from seatrial.plan.health import WATCHED, became_healthy, wanted_watches, watched
from seatrial.plan.observed import Observed
from seatrial.plan.pods import patience_ends, trouble
from seatrial.plan.quota import QUOTA, by_cluster
from seatrial.plan.storage import unbound_claim

#: States that satisfy each condition of a dependency.
_SATISFYING = {
    DependencyCondition.STARTED: {ServiceState.STARTED, ServiceState.HEALTHY, ServiceState.COMPLETED},
    DependencyCondition.HEALTHY: {ServiceState.HEALTHY},
    DependencyCondition.COMPLETED: {ServiceState.COMPLETED},
}
_UNDER_WAY = frozenset({ServiceState.STARTING, ServiceState.STARTED})


@dataclass(frozen=True)
class ServicesPlan:
    """What to do about services.

    Attributes:
        services: Their new status, in the order of the spec.
        actions: Services to start.
        again: Whether that is for a start that came to nothing, whose circumstances are not known any more.
        probes: Services to probe until they are healthy.
        watches: Services to go on probing, which have been healthy.
        wake_at: When a deadline falls.
    """

    services: list[ServiceStatus]
    actions: tuple[Action, ...]
    probes: frozenset[str]
    watches: frozenset[str]
    wake_at: datetime | None
    again: bool = False

    @property
    def healthy(self) -> bool:
        """Whether every service is healthy, or has completed."""
        return all(service.state.up for service in self.services)

    @property
    def broken(self) -> ServiceStatus | None:
        """The first service that cannot be brought up."""
        return next((service for service in self.services if service.state is ServiceState.ERROR), None)


def plan_services(
    services: list[Service], before: list[ServiceStatus], observed: Observed, now: datetime
) -> ServicesPlan:
    """Plans the next moves of bringing up the services.

    Args:
        services: What is wanted.
        before: Their status up to now.
        observed: What was seen.
        now: The present.
    """
    known = {status.name: status for status in before}
    current = {
        service.name: _progress(service, known.get(service.name) or _pending(service), observed, now)
        for service in services
    }
    # A start that came to nothing, its refusal forgotten in a crash, shows as a service without its Deployment.
    actions: list[Action] = [
        StartService(service.name)
        for service in services
        if current[service.name].state in _UNDER_WAY
        and not service.completes
        and not service.existing
        and service.name not in observed.deployments
    ]
    again = bool(actions)
    for service in services:
        if current[service.name].state is ServiceState.PENDING and _may_start(service, current):
            if not service.existing:
                actions.append(StartService(service.name))
            reason = "LookedUp" if service.existing else "Created"
            current[service.name] = ServiceStatus(
                name=service.name, state=ServiceState.STARTING, reason=reason, started_at=stamp(now)
            )
    return ServicesPlan(
        services=[current[service.name] for service in services],
        actions=tuple(actions),
        probes=frozenset(service.name for service in services if _wants_probe(service, current, observed)),
        watches=wanted_watches(services, current.values()),
        wake_at=earliest(moment for service in services for moment in _deadlines(service, current, observed, now)),
        again=again,
    )


def _pending(service: Service) -> ServiceStatus:
    waits = ", ".join(dependency.service for dependency in service.depends_on)
    return ServiceStatus(
        name=service.name, state=ServiceState.PENDING, reason="WaitingForDependencies" if waits else "", message=waits
    )


def _may_start(service: Service, current: dict[str, ServiceStatus]) -> bool:
    return all(current[need.service].state in _SATISFYING[need.condition] for need in service.depends_on)


def _progress(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> ServiceStatus:
    """Says where a service is that has been started; once broken or completed, it stays so."""
    if status.state in WATCHED:
        return _still(service, status, observed, now)
    if status.state in {ServiceState.PENDING, ServiceState.COMPLETED, ServiceState.ERROR}:
        return status
    if service.existing:
        return progress_existing(service, status, observed, now)
    if refusal := observed.refusals.get(StartService(service.name).key):
        return _moved(status, ServiceState.ERROR, observed.refusal_reason(StartService(service.name).key), refusal)
    if service.completes:
        return completion(service, status, observed, now)
    pods = observed.pods_of_service(service.name)
    running = sum(pod.running for pod in pods)
    pods_ready = _pods_ready(service, observed)
    if pods_ready and _probe_passed(service, observed):
        return became_healthy(service, status, observed, now)
    reason, message = _waits_for(service, observed, running, pods_ready=pods_ready)
    wrong = trouble(pods, now)
    if wrong:
        said = with_last_line(wrong.message, named_in(wrong.message, pods), observed)
        reason, message = wrong.reason, unbound_claim(service, wrong) or said
    if reason == QUOTA:
        status = status.model_copy(update={"started_at": stamp(now)})  # its time begins when there is room for it
    if (wrong and wrong.final) or now >= _deadline(service, status):
        late = "" if wrong and wrong.final else f"not healthy within {service.ready.timeout.total_seconds():g}s: "
        return _moved(status, ServiceState.ERROR, reason, late + message)
    state = ServiceState.STARTED if running >= service.replicas else ServiceState.STARTING
    return _moved(status, state, reason, message)


def _pods_ready(service: Service, observed: Observed) -> bool:
    """Whether its pods are so far that the probe through the Service decides."""
    if service.found_by_probe:
        return any(pod.running and pod.deleting_since is None for pod in observed.pods_of_service(service.name))
    deployment = observed.deployments.get(service.name)
    return deployment is not None and deployment.current and deployment.ready >= service.replicas


def _still(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> ServiceStatus:
    """A service that was healthy before the others are: one that keeps crashing is not waited for."""
    status = watched(service, status, observed, now)
    wrong = trouble(observed.pods_of_service(service.name), now)
    if status.state is ServiceState.UNHEALTHY and wrong and wrong.final:
        return _moved(status, ServiceState.ERROR, wrong.reason, wrong.message)
    return status


def _moved(status: ServiceStatus, state: ServiceState, reason: str, message: str) -> ServiceStatus:
    return status.model_copy(update={"state": state, "reason": reason, "message": shortened(message)})


def _waits_for(service: Service, observed: Observed, running: int, *, pods_ready: bool) -> tuple[str, str]:
    deployment = observed.deployments.get(service.name)
    if held := observed.held.get(StartService(service.name).key):
        return QUOTA, held.message
    if deployment and deployment.refusal:
        return QUOTA if by_cluster(deployment.refusal) else "PodsRefused", deployment.refusal
    if running < service.replicas:
        return "PodsStarting", f"{running} of {service.replicas} pods run"
    if not pods_ready:
        return "PodsNotReady", f"{deployment.ready if deployment else 0} of {service.replicas} pods are ready"
    probe = observed.probes.get(service.name)
    return "ProbeFailing", (probe.failure if probe else "") or "its probe has not succeeded yet"


def _probe_passed(service: Service, observed: Observed) -> bool:
    if service.ready.probe is None:
        return True
    probe = observed.probes.get(service.name)
    return probe is not None and probe.successes >= service.ready.success_threshold


def _wants_probe(service: Service, current: dict[str, ServiceStatus], observed: Observed) -> bool:
    """Probing starts when the Service may lead to a pod."""
    if service.existing:
        return current[service.name].state in _UNDER_WAY
    if service.ready.probe is None or current[service.name].state not in _UNDER_WAY:
        return False
    deployment = observed.deployments.get(service.name)
    return _pods_ready(service, observed) or (deployment is not None and deployment.ready > 0)


def _deadline(service: Service, status: ServiceStatus) -> datetime:
    return moment(status.started_at or "") + service.ready.timeout


def _deadlines(
    service: Service, current: dict[str, ServiceStatus], observed: Observed, now: datetime
) -> list[datetime]:
    status = current[service.name]
    if status.state not in _UNDER_WAY:
        return []
    if service.completes:
        return patience_ends(observed.pods_of_service(service.name), now)
    return [_deadline(service, status), *patience_ends(observed.pods_of_service(service.name), now)]
