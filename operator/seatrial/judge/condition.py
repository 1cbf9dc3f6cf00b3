"""Whether a step's own condition lets it run."""

from collections.abc import Mapping
from typing import Any

from seatrial.api.cel import EvaluationError, ExpressionError, axes_in, captures_in, template_scope
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import NOTHING_SECRET, Redaction
from seatrial.api.status import StepState
from seatrial.judge.progress import At, untold


def judge_when(
    when: str, values: Mapping[str, Any], redaction: Redaction = NOTHING_SECRET, at: At = untold
) -> Outcome | None:
    """Judges whether a step runs at all.

    Args:
        when: Its condition.
        values: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        redaction: Takes out what no message may show, before it is cut to its length.
        at: Told where judging is.

    Returns:
        None if it does, otherwise how it ends.
    """
    at("when", when)
    try:
        value = template_scope(captures_in(values), axes_in(values)).compile(when).evaluate(values)
    except (EvaluationError, ExpressionError, RecursionError) as error:
        return Outcome(StepState.ERROR, "WhenFailed", redaction(f"when: {when}: {error}"))
    if not isinstance(value, bool):
        said = redaction(f"when: {when}: is neither true nor false, but {value!r}")
        return Outcome(StepState.ERROR, "WhenFailed", said)
    return None if value else Outcome(StepState.SKIPPED, "WhenFalse", f"{when} is false")
