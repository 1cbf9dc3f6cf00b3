"""Where and for what the writes of a run are made."""

from dataclasses import dataclass
from typing import Any, TypeVar

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import TestScenarioStatus, TrialStatus
from seatrial.build.origin import Origin
from seatrial.engine.key import Key
from seatrial.engine.session import Session
from seatrial.plan.trial import Subject

Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Status = TypeVar("Status", bound=TrialStatus)


@dataclass(frozen=True)
class Stage:
    """Where and for what writes are made.

    Attributes:
        origin: The resource and the run.
        namespace: Where the run's objects live.
        spec: The run's spec; None if it is not on record any more, and things can only be taken away.
        context: Values of ``run.id`` and ``captures.NAME``.
        secrets: Names of the captures that are shown nowhere.
        lost: Names of those that are not on record any more.
    """

    origin: Origin
    namespace: str
    spec: TestScenarioSpec | LoadTestSpec | None
    context: dict[str, Any]
    secrets: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def run_under_way(status: TrialStatus) -> str | None:
    """Name of the run under way, its teardown included."""
    return status.run.id if status.run and status.active else None


def stage_of(key: Key, subject: Subject[Spec, Status], status: TrialStatus, session: Session) -> Stage:
    """Where writes of the run go that status speaks of."""
    run = status.run.id if status.run else str(subject.generation)
    spec = subject.running if subject.active else subject.spec
    origin = Origin(key.kind, key.namespace, key.name, subject.uid, run)
    context: dict[str, Any] = {"run.id": run}
    if isinstance(status, TestScenarioStatus):
        for step in status.steps:
            context |= {f"captures.{name}": value for name, value in step.captures.items()}
    context |= {f"captures.{name}": value for name, value in session.secrets.items()}
    where = status.run.namespace if status.run and status.run.namespace else key.namespace
    return Stage(origin, where, spec, context, frozenset(session.secrets), frozenset(session.lost))
