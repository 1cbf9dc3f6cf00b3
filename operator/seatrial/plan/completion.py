"""Services that run to their end: their exit code says whether the environment may go on."""

from datetime import datetime

from seatrial.api.environment import Service
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import ServiceState, ServiceStatus, StepState
from seatrial.api.timestamp import stamp
from seatrial.plan.jobs import judge_pods, with_last_words
from seatrial.plan.observed import Observed
from seatrial.plan.pods import trouble


def completion(service: Service, status: ServiceStatus, observed: Observed, now: datetime) -> ServiceStatus:
    """Says where a service is that has been started and is to end.

    Args:
        service: What is wanted.
        status: Its status up to now.
        observed: What was seen.
        now: The present.
    """
    pods = observed.pods_of_service(service.name)
    outcome = judge_pods(observed.completions.get(service.name), pods, now)
    ended = next((pod for pod in pods if pod.exit_code is not None), None)
    if outcome is not None and ended is not None:
        outcome = with_last_words(ended, outcome, observed, now)
    if outcome is None:
        wrong = trouble(pods, now)
        state = ServiceState.STARTED if any(pod.running for pod in pods) else ServiceState.STARTING
        message = wrong.message if wrong else "it has not ended yet"
        return _moved(status, state, Outcome(StepState.RUNNING, wrong.reason if wrong else "Completing", message))
    if outcome.state is StepState.SUCCEEDED:
        done = _moved(status, ServiceState.COMPLETED, Outcome(StepState.SUCCEEDED, "Completed", ""))
        return done.model_copy(update={"healthy_at": stamp(now)})
    return _moved(status, ServiceState.ERROR, outcome)


def _moved(status: ServiceStatus, state: ServiceState, why: Outcome) -> ServiceStatus:
    return status.model_copy(update={"state": state, "reason": why.reason, "message": shortened(why.message)})
