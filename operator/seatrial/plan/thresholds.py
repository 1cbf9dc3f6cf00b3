"""Thresholds on the merged result: what they come to while load goes on, when one ends it, and at the end."""

from collections.abc import Mapping
from typing import Any

from seatrial.api.cel import EvaluationError
from seatrial.api.duration import text
from seatrial.api.load import LoadSpec, Threshold
from seatrial.api.outcome import shortened
from seatrial.api.status import LoadResult, ThresholdResult, ThresholdState
from seatrial.api.threshold import SAMPLES, ThresholdProgram, compile_threshold
from seatrial.plan.observed import LoadSeen


def judge_thresholds(spec: LoadSpec, values: Mapping[str, Any], *, final: bool) -> list[ThresholdResult]:
    """Judges every threshold on the merged result.

    Args:
        spec: The load.
        values: Variables of the expressions.
        final: Whether the load has ended; before that, results are what they would be now, marked Pending.
    """
    judged = [_judge(_program(spec, threshold), values) for threshold in spec.thresholds]
    return judged if final else [one.model_copy(update={"state": ThresholdState.PENDING}) for one in judged]


def judge_live(spec: LoadSpec, seen: LoadSeen, before: LoadResult | None) -> LoadResult:
    """Judges the thresholds while load goes on, and notes which is false since when, and which ends the load.

    Nothing is judged until every worker measures, and no threshold before its ``after``: what a part of the load does
    at its start says nothing about the whole.

    Args:
        spec: The load.
        seen: What workers have told.
        before: What was noted before; a load that was ended stays so, whatever comes afterwards.
    """
    crossings = _crossings(before, len(spec.thresholds))
    judged = []
    aborted_at = before.aborted_at if before else None
    for threshold, crossed_at in zip(spec.thresholds, crossings, strict=True):
        result = _judge(_program(spec, threshold), seen.values)
        now_false = result.state is ThresholdState.FAILED and _due(threshold, seen.measured)
        since = (crossed_at if crossed_at is not None else seen.measured) if now_false else None
        judged.append(result.model_copy(update={"state": ThresholdState.PENDING, "crossed_at": since}))
    if aborted_at is None and any(
        one.crossed_at is not None and threshold.abort_on_fail
        for one, threshold in zip(judged, spec.thresholds, strict=True)
    ):
        aborted_at = seen.measured
        judged = [
            one.model_copy(update={"state": ThresholdState.FAILED})
            if threshold.abort_on_fail and one.crossed_at is not None
            else one
            for one, threshold in zip(judged, spec.thresholds, strict=True)
        ]
    elif aborted_at is not None and before is not None:
        judged = _kept(before.thresholds, judged)
    return seen.result.model_copy(update={"thresholds": judged, "aborted_at": aborted_at})


def judge_finally(spec: LoadSpec, seen: LoadSeen | None, before: LoadResult | None) -> list[ThresholdResult]:
    """Judges the thresholds when load has ended.

    Args:
        spec: The load.
        seen: What workers have told; None if this process has heard nothing.
        before: What was noted while load went on.
    """
    values = seen.values if seen else {}
    measured = seen.measured if seen else 0.0
    crossings = _crossings(before, len(spec.thresholds))
    judged = []
    for result, crossed_at in zip(judge_thresholds(spec, values, final=True), crossings, strict=True):
        since = crossed_at if crossed_at is not None else measured
        judged.append(
            result.model_copy(update={"crossed_at": since}) if result.state is ThresholdState.FAILED else result
        )
    return _kept(before.thresholds, judged) if before is not None and before.aborted_at is not None else judged


def too_few(spec: LoadSpec, values: Mapping[str, Any]) -> str:
    """Says which threshold asks for a quantile of too few samples, or nothing."""
    for threshold in spec.thresholds:
        if shortage := _shortage(_program(spec, threshold), values):
            name, there, needed = shortage
            return (
                f"{threshold.expr} asks for {name} of {there} samples, and {needed} are needed: load longer, or at a "
                "higher rate"
            )
    return ""


def _kept(before: list[ThresholdResult], after: list[ThresholdResult]) -> list[ThresholdResult]:
    """The threshold that ended the load stays as it was then: what came while workers stopped says nothing new."""
    failed = {one.expr: one for one in before if one.state is ThresholdState.FAILED}
    return [failed.get(one.expr, one) for one in after]


def _crossings(before: LoadResult | None, number: int) -> list[float | None]:
    if before is None or len(before.thresholds) != number:
        return [None] * number
    return [one.crossed_at for one in before.thresholds]


def _due(threshold: Threshold, measured: float) -> bool:
    return measured > 0 and measured >= threshold.after.total_seconds()


def _program(spec: LoadSpec, threshold: Threshold) -> ThresholdProgram:
    return compile_threshold(threshold.expr, spec.labels)


def _judge(program: ThresholdProgram, values: Mapping[str, Any]) -> ThresholdResult:
    known = [name for name in program.reads if name in values]
    shown = shortened(", ".join(f"{program.shown(name)} = {_shown(values[name])}" for name in known))
    state = ThresholdState.NO_DATA
    if len(known) == len(program.reads) and not _shortage(program, values):
        try:
            state = ThresholdState.PASSED if program.evaluate(values) is True else ThresholdState.FAILED
        except EvaluationError as error:
            shown = shortened(str(error))
    return ThresholdResult(expr=program.expression, state=state, value=shown)


def _shortage(program: ThresholdProgram, values: Mapping[str, Any]) -> tuple[str, int, int] | None:
    """The quantile that has too few samples, how many there are, and how many it takes."""
    for name in program.reads:
        summary, _, quantile = name.rpartition(".")
        there = values.get(f"{summary}.count", 0)
        if quantile in SAMPLES and name in values and there < SAMPLES[quantile]:
            return program.shown(name), there, SAMPLES[quantile]
    return None


def _shown(value: Any) -> str:
    if hasattr(value, "total_seconds"):
        return text(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
