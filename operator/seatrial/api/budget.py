"""Keeping a status below its budget of bytes, whatever a run comes to.

What programs and later turns need (states, reasons, times of what goes on, captures that may still be used) always
stays. What is for people is shortened, in the order in which it is least missed; the report has all of it.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from seatrial.api.expansion import expanded
from seatrial.api.outcome import shortened
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import (
    LoadResult,
    LoadTestStatus,
    ServiceState,
    ServiceStatus,
    StepState,
    StepStatus,
    TestScenarioStatus,
    TrialStatus,
)
from seatrial.api.step import JobStep, Step

#: Bytes of a status as JSON.
STATUS_BYTES = 32 * 1024

Status = TypeVar("Status", bound=TrialStatus)

_NOTE = "parts of this status were shortened: `seatrial report` shows all"
_MARK = " … (shortened, see report)"
_QUIET = frozenset({StepState.SUCCEEDED, StepState.SKIPPED, StepState.PENDING})

#: Bytes that an entry needs at least beside its name, and what a status needs beside its entries.
_STEP, _SERVICE, _CAPTURE, _REST = 102, 126, 20, 2500


def size(status: TrialStatus) -> int:
    """Bytes of a status as JSON."""
    return len(json.dumps(status.to_kubernetes(), separators=(",", ":"), ensure_ascii=False).encode())


def fitted(status: Status, limit: int = STATUS_BYTES) -> Status:
    """Shortens a status until it fits; one that does is returned as it is.

    Args:
        status: The status.
        limit: Bytes that it may have.
    """
    for shorten in _LEVELS:
        if size(status) <= limit:
            break
        status = shorten(status).model_copy(update={"shortened": _NOTE})
    return status


def needed(spec: TestScenarioSpec) -> int:
    """Bytes that a status of a scenario cannot do without: names, states, reasons, times.

    Captures count with what they take at most while a later step may need them; see :func:`captured`.
    """
    steps: list[JobStep | Step] = [*spec.setup, *(one.step for one in expanded(spec.steps)), *spec.teardown]
    entries = sum(len(step.name) + _STEP for step in steps)
    return _REST + entries + sum(len(service.name) + _SERVICE for service in spec.environment.services)


def captured(spec: TestScenarioSpec, value: int) -> int:
    """Bytes that captures of a scenario take at most.

    Args:
        spec: The scenario.
        value: Bytes that one value may have.
    """
    return sum(len(name) + value + _CAPTURE for step in spec.steps for name in step.capture)


def _cut(message: str, limit: int) -> str:
    if len(message.encode()) <= limit:
        return message
    room = limit - len(_MARK.encode())
    return shortened(message, room).removesuffix("…") + _MARK if room > 10 else ""


def _steps(status: Status, change: Callable[[StepStatus], StepStatus]) -> Status:
    if not isinstance(status, TestScenarioStatus):
        return status
    parts = {part: [change(step) for step in getattr(status, part)] for part in ("setup", "steps", "teardown")}
    return status.model_copy(update=parts)


def _services(status: Status, change: Callable[[ServiceStatus], ServiceStatus]) -> Status:
    if not isinstance(status, TestScenarioStatus):
        return status
    return status.model_copy(update={"services": [change(service) for service in status.services]})


def _quiet_messages(limit: int) -> Callable[[Status], Status]:
    """Messages of what went well: nobody looks for them."""

    def shorten(status: Status) -> Status:
        status = _steps(status, lambda step: _said(step, limit) if step.state in _QUIET else step)
        return _services(status, lambda one: _service(one, limit) if one.state is not ServiceState.ERROR else one)

    return shorten


def _messages(limit: int) -> Callable[[Status], Status]:
    def shorten(status: Status) -> Status:
        status = _services(_steps(status, lambda step: _said(step, limit)), lambda one: _service(one, limit))
        conditions = [one.model_copy(update={"message": _cut(one.message, limit)}) for one in status.conditions]
        return status.model_copy(update={"conditions": conditions})

    return shorten


def _said(step: StepStatus, limit: int) -> StepStatus:
    return step.model_copy(update={"message": _cut(step.message, limit)})


def _service(service: ServiceStatus, limit: int) -> ServiceStatus:
    return service.model_copy(update={"message": _cut(service.message, limit)})


def _loads(change: Callable[[LoadResult], LoadResult]) -> Callable[[Status], Status]:
    def shorten(status: Status) -> Status:
        if isinstance(status, LoadTestStatus):
            return status.model_copy(update={"result": change(status.result)}) if status.result else status
        return _steps(status, lambda step: step.model_copy(update={"load": change(step.load)}) if step.load else step)

    return shorten


def _without_requests(load: LoadResult) -> LoadResult:
    return load.model_copy(update={"by_request": []})


def _short_thresholds(load: LoadResult) -> LoadResult:
    short = [
        one.model_copy(update={"expr": shortened(one.expr, 60), "value": shortened(one.value, 40)})
        for one in load.thresholds
    ]
    return load.model_copy(update={"thresholds": short})


def _bare(load: LoadResult) -> LoadResult:
    return LoadResult(workers=load.workers, requests=load.requests, errors=load.errors)


def _end_of_load(status: Status) -> Status:
    """Only of steps that have ended: what goes on is shown until the next worker's line anyway."""
    return _steps(
        status,
        lambda step: (
            step.model_copy(update={"load": _bare(step.load) if not step.state.ended else None}) if step.load else step
        ),
    )


def _short_history(status: Status) -> Status:
    history = [run.model_copy(update={"started_at": None, "finished_at": None}) for run in status.history]
    return status.model_copy(update={"history": history, "message": _cut(status.message, 300)})


def _bare_entries(status: Status) -> Status:
    """Leaves of what has ended the name, state, reason and captures; of healthy services when they became so."""

    def step(one: StepStatus) -> StepStatus:
        left_out = {"message": "", "attempts": 0, "started_at": None, "finished_at": None, "load": None, "junit": None}
        return one.model_copy(update=left_out) if one.state.ended else one

    def service(one: ServiceStatus) -> ServiceStatus:
        return one.model_copy(update={"message": ""})

    return _services(_steps(status, step), service)


def _without_captures(status: Status) -> Status:
    """Once every step has ended, nobody needs a capture any more."""
    if not isinstance(status, TestScenarioStatus) or not all(step.state.ended for step in status.steps):
        return status
    return _steps(status, lambda step: step.model_copy(update={"captures": {}}))


_LEVELS: tuple[Callable[[Any], Any], ...] = (
    _quiet_messages(80),
    _messages(200),
    _loads(_without_requests),
    _quiet_messages(0),
    _messages(100),
    _loads(_short_thresholds),
    _end_of_load,
    _messages(60),
    _short_history,
    _without_captures,
    _messages(0),
    _bare_entries,
)
