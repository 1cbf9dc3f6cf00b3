"""The attempts that are under way, by the names that sessions, tasks and objects know them by."""

from collections.abc import Mapping
from typing import TypeVar

from seatrial.api import names
from seatrial.api.expansion import Instance, expanded
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import StepState, TestScenarioStatus, TrialStatus

Status = TypeVar("Status", bound=TrialStatus)


def under_way(spec: TestScenarioSpec, status: TrialStatus) -> dict[str, Instance]:
    """The attempts that status calls running, with the steps that they are at."""
    instances = {instance.name: instance for instance in expanded(spec.steps)}
    return {attempt: instances[step] for attempt, step in _running(status).items() if step in instances}


def sent_once(attempts: Mapping[str, Instance]) -> set[str]:
    """Those whose request may not be sent twice."""
    return {attempt for attempt, instance in attempts.items() if instance.step.sent_once}


def held_back(before: TrialStatus, after: Status, spec: TestScenarioSpec) -> Status:
    """Takes back the beginning of requests that may not be sent twice.

    An operator that is about to stop leaves them to the next one: nobody would be here to take their answers.
    """
    late = sent_once(under_way(spec, after)) - _running(before).keys()
    if not late or not isinstance(after, TestScenarioStatus) or not isinstance(before, TestScenarioStatus):
        return after
    known = {step.name: step for step in before.steps}
    steps = [known[step.name] if names.attempt(step.name, step.attempts) in late else step for step in after.steps]
    return after.model_copy(update={"steps": steps})


def _running(status: TrialStatus) -> dict[str, str]:
    """Attempts that are running, with the names of their steps."""
    steps = status.steps if isinstance(status, TestScenarioStatus) else []
    return {names.attempt(step.name, step.attempts): step.name for step in steps if step.state is StepState.RUNNING}
