"""When a service that runs already counts as healthy: nothing is started, so only what was met through it tells."""

from datetime import datetime

from seatrial.api.environment import Service
from seatrial.api.outcome import shortened
from seatrial.api.status import ServiceState, ServiceStatus
from seatrial.api.timestamp import moment, stamp
from seatrial.plan.decision import StartService
from seatrial.plan.observed import Observed


def progress_existing(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> ServiceStatus:
    """Says where an existing service is, whose look-up has begun.

    Args:
        service: What is wanted.
        status: Its status up to now.
        observed: What was seen.
        now: The present.
    """
    key = StartService(service.name).key
    probe = observed.probes.get(service.name)
    if refusal := observed.refusals.get(key):
        return _moved(status, ServiceState.ERROR, observed.refusal_reason(key), refusal)
    if probe and probe.successes >= service.ready.success_threshold:
        return _moved(status, ServiceState.HEALTHY, "Healthy", "").model_copy(update={"healthy_at": stamp(now)})
    reason = observed.refusal_reasons.get(key, "ProbeFailing")
    message = (probe.failure if probe else "") or "it has not been reached yet"
    if now >= moment(status.started_at or "") + service.ready.timeout:
        late = f"not healthy within {service.ready.timeout.total_seconds():g}s: "
        return _moved(status, ServiceState.ERROR, reason, late + message)
    return _moved(status, ServiceState.STARTING, reason, message)


def _moved(status: ServiceStatus, state: ServiceState, reason: str, message: str) -> ServiceStatus:
    return status.model_copy(update={"state": state, "reason": reason, "message": shortened(message)})
