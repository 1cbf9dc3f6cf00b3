"""Whether the needs of a step are met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import Need, NeedResult, Step

#: States that say that a step ran and did not succeed.
_UNSUCCESSFUL = frozenset({StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE})


@dataclass(frozen=True)
class Waiting:
    """A need has not ended yet, or the step's own condition has not been judged."""


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
