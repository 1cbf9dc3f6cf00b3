"""Whether the needs of a step are met, and whether its own condition lets it run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.api.cel import EvaluationError, ExpressionError, axes_in, captures_in, template_scope
from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import Need, NeedResult, Step

#: States that say that a step ran and did not succeed.
_UNSUCCESSFUL = frozenset({StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE})


@dataclass(frozen=True)
class Waiting:
    """A need has not ended yet."""


def judge_needs(step: Step, members: Mapping[str, Sequence[StepStatus]]) -> Waiting | Outcome | None:
    """Judges the needs of a step.

    Args:
        step: The step.
        members: The status of every step as written; of one with a matrix, of all its instances.

    Returns:
        None if all are met, otherwise how the step ends, or that it has to wait.
    """
    for need in step.needs:
        others = members[need.step]
        if not all(other.state.ended for other in others):
            return Waiting()
        if not _met(need, others):
            return Outcome(StepState.SKIPPED, "NeedNotMet", _ends(need, others))
    return None


def _met(need: Need, others: Sequence[StepStatus]) -> bool:
    if need.result is NeedResult.COMPLETED:
        return True
    if need.result is NeedResult.FAILED:
        return any(other.state in _UNSUCCESSFUL for other in others)
    # What `when` left out of a matrix is not missing from it; but where nothing ran, nothing succeeded.
    ran = [other for other in others if other.state is not StepState.SKIPPED]
    return bool(ran) and all(other.state is StepState.SUCCEEDED for other in ran)


def _ends(need: Need, others: Sequence[StepStatus]) -> str:
    if len(others) == 1 and others[0].name == need.step:
        return f"step {need.step} ended {others[0].state}"
    counts = {state: sum(other.state is state for other in others) for state in StepState}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f"the {len(others)} instances of step {need.step} ended: {said}"


def judge_when(step: Step, values: Mapping[str, Any]) -> Outcome | None:
    """Judges whether a step runs at all.

    Args:
        step: The step, whose needs are met.
        values: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.

    Returns:
        None if it does, otherwise how it ends.
    """
    if not step.when:
        return None
    try:
        value = template_scope(captures_in(values), axes_in(values)).compile(step.when).evaluate(values)
    except (EvaluationError, ExpressionError, RecursionError) as error:
        return Outcome(StepState.ERROR, "WhenFailed", f"when: {step.when}: {error}")
    if not isinstance(value, bool):
        return Outcome(StepState.ERROR, "WhenFailed", f"when: {step.when}: is neither true nor false, but {value!r}")
    return None if value else Outcome(StepState.SKIPPED, "WhenFalse", f"{step.when} is false")
