"""What moved on between two statuses, as entries of the audit record."""

from collections.abc import Iterator

from seatrial.api.status import Phase, ServiceState, StepState, StepStatus, TrialStatus
from seatrial.report import sections
from seatrial.report.model import Transition

_NOUNS = {"setup": "setup", "steps": "step", "teardown": "teardown"}


def transitions(before: TrialStatus | None, after: TrialStatus, at: str) -> list[Transition]:
    """Says what moved on.

    Args:
        before: Status of the same run, or None at its beginning.
        after: Its next status.
        at: The present.
    """
    return [*_run(before, after, at), *_services(before, after, at), *_steps(before, after, at)]


def rebuilt(status: TrialStatus) -> list[Transition]:
    """What a status alone tells of the past: beginnings and ends that it has times of."""
    found: list[Transition] = []
    if status.run and status.run.started_at:
        found.append(Transition(at=status.run.started_at, what="run", state="Started", rebuilt=True))
    for service in sections.services(status):
        if service.healthy_at:
            what = f"service/{service.name}"
            found.append(Transition(at=service.healthy_at, what=what, state=ServiceState.HEALTHY.value, rebuilt=True))
    for noun, step in _all_steps(status):
        what = f"{noun}/{step.name}"
        if step.started_at:
            found.append(Transition(at=step.started_at, what=what, state=StepState.RUNNING.value, rebuilt=True))
        if step.finished_at and step.state.ended:
            found.append(
                Transition(
                    at=step.finished_at,
                    what=what,
                    state=step.state.value,
                    reason=step.reason,
                    message=step.message,
                    rebuilt=True,
                )
            )
    if status.run and status.run.finished_at and status.verdict:
        verdict = Transition(
            at=status.run.finished_at,
            what="run",
            state=status.verdict.value,
            reason=status.reason,
            message=status.message,
            rebuilt=True,
        )
        found.append(verdict)
    return sorted(found, key=lambda entry: entry.at)


def _run(before: TrialStatus | None, after: TrialStatus, at: str) -> Iterator[Transition]:
    if after.phase and (before is None or before.phase != after.phase) and after.phase is not Phase.DONE:
        yield Transition(at=at, what="run", state=after.phase.value)
    if after.verdict and (before is None or before.verdict != after.verdict):
        yield Transition(at=at, what="run", state=after.verdict.value, reason=after.reason, message=after.message)
    if after.phase is Phase.DONE and (before is None or before.phase != after.phase):
        yield Transition(at=at, what="run", state=after.phase.value)


def _services(before: TrialStatus | None, after: TrialStatus, at: str) -> Iterator[Transition]:
    known = {service.name: service for service in sections.services(before)} if before else {}
    for service in sections.services(after):
        old = known.get(service.name)
        if service.state is not (old.state if old else ServiceState.PENDING):
            what = f"service/{service.name}"
            bad = service.state is ServiceState.ERROR
            message = service.message if bad else ""
            yield Transition(at=at, what=what, state=service.state.value, reason=service.reason, message=message)


def _steps(before: TrialStatus | None, after: TrialStatus, at: str) -> Iterator[Transition]:
    known = {(noun, step.name): step for noun, step in _all_steps(before)} if before else {}
    for noun, step in _all_steps(after):
        old = known.get((noun, step.name)) or StepStatus(name=step.name)
        if (step.state, step.attempts) != (old.state, old.attempts):
            what = f"{noun}/{step.name}"
            message = step.message if step.state.ended else ""
            yield Transition(at=at, what=what, state=step.state.value, reason=step.reason, message=message)


def _all_steps(status: TrialStatus) -> Iterator[tuple[str, StepStatus]]:
    for heading, steps in sections.steps(status):
        for step in steps:
            yield _NOUNS[heading], step
