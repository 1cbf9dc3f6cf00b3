"""Environments that stay after a bad end, to be looked into."""

from datetime import datetime

from seatrial.api.control import RetainWhen
from seatrial.api.outcome import shortened
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, TestScenarioStatus, Verdict
from seatrial.api.timestamp import moment, stamp, stamp_seconds
from seatrial.plan.observed import NamespaceSeen, Observed
from seatrial.plan.trial import Subject

Scenario = Subject[TestScenarioSpec, TestScenarioStatus]

#: What a message says besides, while the environment is there.
_MARK = " (kept until "


def retained(
    scenario: Scenario, status: TestScenarioStatus, namespace: NamespaceSeen, now: datetime
) -> TestScenarioStatus:
    """Keeps the environment of a run that was judged, if that is asked for.

    Args:
        scenario: The resource.
        status: Its status, with the verdict in it.
        namespace: The environment's.
        now: The present.
    """
    spec = scenario.spec
    kept = (
        status.verdict not in {Verdict.PASSED, Verdict.CANCELLED, None} and namespace.ours and not namespace.terminating
    )
    if spec is None or not kept or spec.retain.when is RetainWhen.NEVER:
        return status
    until = stamp_seconds(now + spec.retain.timeout)
    look = f"{_MARK}{until}: kubectl -n {status.run.namespace if status.run else namespace.name} get pods)"
    return status.model_copy(
        update={"phase": Phase.RETAINED, "message": shortened(status.message, 900 - len(look)) + look}
    )


def retention_ends(scenario: Scenario, observed: Observed, now: datetime) -> datetime | None:
    """When an environment that was kept goes; None if it must go now.

    Args:
        scenario: The resource, whose environment is kept.
        observed: What was seen.
        now: The present.
    """
    spec, status, namespace = scenario.spec, scenario.status, observed.namespace
    if scenario.superseded or observed.place.end or spec is None or spec.retain.when is RetainWhen.NEVER:
        return None
    if namespace is None or not namespace.ours or namespace.terminating:
        return None
    if status.schedule and status.schedule.next and moment(status.schedule.next) <= now and not spec.suspend:
        return None
    end = _began(status) + spec.retain.timeout
    return end if end > now else None


def let_go(status: TestScenarioStatus, now: datetime) -> TestScenarioStatus:
    """Has the teardown begin, with its whole time."""
    assert status.run is not None  # noqa: S101 - only runs are kept
    run = status.run.model_copy(update={"phase_since": stamp(now)})
    message = status.message.partition(_MARK)[0]
    return status.model_copy(update={"phase": Phase.TEARDOWN, "run": run, "message": message})


def _began(status: TestScenarioStatus) -> datetime:
    return moment((status.run.phase_since if status.run else None) or "")
