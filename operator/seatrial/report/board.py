"""The run as it is at this moment: one line a service, step and threshold, for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from seatrial.api.status import LoadResult, ServiceState, ServiceStatus, StepStatus, TrialStatus
from seatrial.report import sections
from seatrial.report.line import Line, Span, Tone, Words, columns, line
from seatrial.report.wording import State, because, condition, elapsed, is_true, live_numbers, tone_of, worded

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MARKS = {Tone.GOOD: "✔", Tone.BAD: "✘", Tone.DOUBTFUL: "!", Tone.QUIET: "·"}


@dataclass(frozen=True)
class _Row:
    """A row of the board.

    Attributes:
        cells: What stands in its columns.
        resting: Whether it waits or has ended well; such rows make room first.
        below: What stands below it.
    """

    cells: tuple[Words, ...]
    resting: bool
    below: tuple[Line, ...] = ()


def board(status: TrialStatus, now: datetime, *, height: int) -> list[Line]:
    """Draws the run.

    Args:
        status: Its status.
        now: The present, for what is still going on.
        height: Lines that there is room for. Where it does not do, what waits or has ended well is only counted.
    """
    parts = [("services", [_service(service, now) for service in sections.services(status)])]
    parts += [(heading, _steps(entries, now)) for heading, entries in sections.steps(status)]
    parts += [("load", _load(result, now)) for name, result in sections.loads(status) if not name]
    parts = [(heading, rows) for heading, rows in parts if rows]
    full = sum(1 + sum(1 + len(row.below) for row in rows) for _, rows in parts) + 2
    lines = [_headline(status, now)]
    for heading, rows in parts:
        lines.append(line(Span(f"  {heading}", Tone.HEADING)))
        lines += _table(rows) if full <= height else _abridged(rows)
    return [*lines, *_tearing_down(status, now)]


def _headline(status: TrialStatus, now: datetime) -> Line:
    words: list[Words] = ["run ", status.run.id if status.run else "-", "  "]
    if status.phase:
        words += [Span(status.phase.value, Tone.BUSY), "  "]
    if status.verdict:
        words += [worded(status.verdict), "  "]
    if status.run:
        words.append(Span(elapsed(status.run.started_at, status.run.finished_at, now), Tone.QUIET))
    return line(*words)


def _table(rows: Sequence[_Row]) -> list[Line]:
    lines = columns([row.cells for row in rows], indent=4)
    return [each for first, row in zip(lines, rows, strict=True) for each in (first, *row.below)]


def _abridged(rows: Sequence[_Row]) -> list[Line]:
    active = [row for row in rows if not row.resting]
    rest = len(rows) - len(active)
    count = [line(Span(f"    … and {rest} more that wait or have ended well", Tone.QUIET))] if rest else []
    return _table(active) + count


def _mark(state: State, now: datetime) -> Span:
    tone = tone_of(state)
    frame = _SPINNER[int(now.timestamp() * 8) % len(_SPINNER)]
    return Span(_MARKS.get(tone, frame), tone)


def _service(service: ServiceStatus, now: datetime) -> _Row:
    healthy = service.state.up
    time = elapsed(service.started_at, service.healthy_at, now)
    why = "" if healthy else because(service.reason, service.message)
    return _Row(
        (_mark(service.state, now), service.name, worded(service.state), Span(time, Tone.QUIET), why),
        resting=healthy or service.state is ServiceState.PENDING,
    )


def _steps(steps: Sequence[StepStatus], now: datetime) -> list[_Row]:
    return [_step(step, now) for step in steps]


def _step(step: StepStatus, now: datetime) -> _Row:
    tone = tone_of(step.state)
    why = "" if tone is Tone.GOOD else because(step.reason, step.message)
    if step.load and tone is Tone.BUSY:
        why = live_numbers(step.load)
    time = elapsed(step.started_at, step.finished_at, now)
    return _Row(
        (_mark(step.state, now), step.name, worded(step.state), Span(time, Tone.QUIET), why),
        resting=tone in {Tone.GOOD, Tone.QUIET},
        below=_thresholds(step.load, now) if step.load and tone is not Tone.QUIET else (),
    )


def _load(result: LoadResult, now: datetime) -> list[_Row]:
    return [_Row((live_numbers(result),), resting=False, below=_thresholds(result, now))]


def _thresholds(result: LoadResult, now: datetime) -> tuple[Line, ...]:
    return tuple(
        line(
            "      ", _mark(each.state, now), f" {each.expr}", Span(f"  {each.value}" if each.value else "", Tone.QUIET)
        )
        for each in result.thresholds
    )


def _tearing_down(status: TrialStatus, now: datetime) -> list[Line]:
    torn_down = condition(status, "TornDown")
    if not status.verdict or is_true(torn_down):
        return []
    frame = _SPINNER[int(now.timestamp() * 8) % len(_SPINNER)]
    message = torn_down.message if torn_down else ""
    return [line("  ", Span(frame, Tone.BUSY), " taking everything away", f": {message}" if message else "")]
