"""What changed between two statuses of a run: one line a change, for logs."""

from collections.abc import Iterator

from seatrial.api.status import LoadResult, Phase, ServiceState, ServiceStatus, StepState, StepStatus, TrialStatus
from seatrial.report import sections
from seatrial.report.line import Line, Span, Tone, line
from seatrial.report.wording import (
    attempts,
    because,
    condition,
    healthy_after,
    is_true,
    live_numbers,
    optional,
    tone_of,
    took,
    worded,
)

#: Seconds of measured time between two lines about the same load.
LOAD_SECONDS = 10

#: Phases that begin with the verdict, and are told after it.
_LAST_PHASES = frozenset({Phase.TEARDOWN, Phase.DONE})


def changes(before: TrialStatus | None, after: TrialStatus) -> list[Line]:
    """Words what changed.

    Args:
        before: The status seen last; None if there was none of this run.
        after: The status seen now, of the same run.

    Returns:
        A line for each change, in the order in which a run goes.
    """
    return [
        *_run(before, after),
        *_services(before, after),
        *_steps(before, after),
        *_loads(before, after),
        *_end(before, after),
    ]


def _run(before: TrialStatus | None, after: TrialStatus) -> Iterator[Line]:
    if after.run and (before is None or before.run is None):
        where = f", environment in namespace {after.run.namespace}" if after.run.namespace else ""
        yield line(f"run {after.run.id}{where}")
    if after.phase not in _LAST_PHASES:
        yield from _phase(before, after)


def _phase(before: TrialStatus | None, after: TrialStatus) -> Iterator[Line]:
    if after.phase and after.phase != (before.phase if before else None):
        yield line("phase ", Span(after.phase.value, Tone.HEADING))


def _services(before: TrialStatus | None, after: TrialStatus) -> Iterator[Line]:
    old = {service.name: service for service in sections.services(before)} if before else {}
    for service in sections.services(after):
        known = old.get(service.name)
        same = known is not None and (known.state, known.reason) == (service.state, service.reason)
        if not same and (service.state is not ServiceState.PENDING or known is not None):
            yield line(f"service {service.name}: ", worded(service.state), _service_detail(service))


def _service_detail(service: ServiceStatus) -> str:
    if service.state.up:
        time = healthy_after(service)
        return f" after {time}" if time else ""
    why = because(service.reason, service.message)
    return f" ({why})" if why else ""


def _steps(before: TrialStatus | None, after: TrialStatus) -> Iterator[Line]:
    old = {step.name: step for _, entries in sections.steps(before) for step in entries} if before else {}
    for heading, entries in sections.steps(after):
        noun = "step" if heading == "steps" else heading
        for step in entries:
            known = old.get(step.name) or StepStatus(name=step.name)
            if (known.state, known.attempts) != (step.state, step.attempts):
                yield line(f"{noun} {step.name}: ", worded(step.state), _step_detail(step))


def _step_detail(step: StepStatus) -> str:
    if step.state is StepState.PENDING and step.attempts:
        return f" ({because(step.reason, step.message)})"
    if not step.state.ended:
        return f" (attempt {step.attempts})" if step.attempts > 1 else ""
    time = took(step)
    quiet = step.state is StepState.SUCCEEDED
    details = [
        part for part in (optional(step), attempts(step), "" if quiet else because(step.reason, step.message)) if part
    ]
    return (f" after {time}" if time else "") + (f" ({', '.join(details)})" if details else "")


def _loads(before: TrialStatus | None, after: TrialStatus) -> Iterator[Line]:
    old = dict(sections.loads(before)) if before else {}
    for name, result in sections.loads(after):
        known = old.get(name)
        label = f"load {name}".rstrip()
        if _mark(result) != (_mark(known) if known else 0) and result.workers_finished < result.workers:
            yield line(f"{label}: {live_numbers(result)}")
        states = [threshold.state for threshold in known.thresholds] if known else []
        for index, threshold in enumerate(result.thresholds):
            if threshold.state != (states[index] if index < len(states) else "Pending"):
                value = f" ({threshold.value})" if threshold.value else ""
                yield line(f"{label}: {threshold.expr}: ", worded(threshold.state), value)


def _mark(result: LoadResult) -> int:
    return int(result.measured_seconds // LOAD_SECONDS)


def _end(before: TrialStatus | None, after: TrialStatus) -> Iterator[Line]:
    if after.verdict and after.verdict != (before.verdict if before else None):
        why = because(after.reason, after.message)
        yield line("verdict ", Span(after.verdict.value, tone_of(after.verdict)), f" ({why})" if why else "")
    if after.phase in _LAST_PHASES:
        yield from _phase(before, after)
    old, new = (condition(before, "TornDown") if before else None), condition(after, "TornDown")
    if new and is_true(new) and not is_true(old):
        yield line("everything is taken away")
    elif after.phase is Phase.RETAINED:
        return  # the verdict's message says until when
    elif new and after.verdict and not is_true(new) and new.message and new.message != (old.message if old else ""):
        yield line(f"taking away: {new.message}")
