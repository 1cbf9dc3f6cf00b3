"""The order in which services go: those first that nothing still running depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.api.environment import Service
from seatrial.plan.decision import earliest
from seatrial.plan.observed import Observed, PodSeen

#: Beyond the end of a pod's grace period, for its node to say that it is gone.
MARGIN = timedelta(seconds=2)


@dataclass(frozen=True)
class Shutdown:
    """The next move in stopping services.

    Attributes:
        stop: Services to stop now.
        last: Whether nothing has to wait for them, so that everything can go.
        wake_at: When the grace of a pod is over that is waited for.
    """

    stop: tuple[str, ...]
    last: bool
    wake_at: datetime | None = None


def plan_shutdown(services: list[Service], observed: Observed, now: datetime) -> Shutdown:
    """Plans the next move; all that it needs to know is what still runs.

    Args:
        services: The services of the environment.
        observed: What was seen.
        now: The present.
    """
    living = {service.name for service in services if _lives(service, observed)}
    running = living | {
        service.name for service in services if any(_counts(service, pod, now) for pod in _pods(service, observed))
    }
    dependents = _dependents(services)
    free = {name for name in running if not dependents[name] & running}
    ends = [
        pod.deleting_since + MARGIN
        for service in services
        for pod in _pods(service, observed)
        if pod.deleting_since is not None and _counts(service, pod, now)
    ]
    return Shutdown(
        stop=tuple(service.name for service in services if service.name in free & living),
        last=free == running,
        wake_at=earliest(ends),
    )


def _lives(service: Service, observed: Observed) -> bool:
    """Whether there is something that would make new pods of it; what has completed does not count."""
    if service.completes:
        job = observed.completions.get(service.name)
        return job is not None and not (job.complete or job.failed)
    return service.name in observed.deployments


def _pods(service: Service, observed: Observed) -> tuple[PodSeen, ...]:
    return observed.pods_of_service(service.name)


def _counts(service: Service, pod: PodSeen, now: datetime) -> bool:
    """Whether a pod may still do something: not once its container has ended and nobody starts it again."""
    if pod.exit_code is not None and (service.completes or pod.deleting_since is not None):
        return False
    return pod.deleting_since is None or now < pod.deleting_since + MARGIN


def _dependents(services: list[Service]) -> Mapping[str, frozenset[str]]:
    """Services that depend on each, directly or through others: those in between may have completed long ago."""
    needs = {service.name: {dependency.service for dependency in service.depends_on} for service in services}
    found: dict[str, frozenset[str]] = {}
    for name in needs:
        above: set[str] = set()
        waiting = [name]
        while waiting:
            below = waiting.pop()
            more = {other for other, wanted in needs.items() if below in wanted} - above
            above |= more
            waiting += more
        found[name] = frozenset(above)
    return found
