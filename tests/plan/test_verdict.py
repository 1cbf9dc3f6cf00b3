"""What a run means, from what became of its steps."""

from itertools import permutations

import pytest

from seatrial.api.status import StepState, StepStatus, Verdict
from seatrial.plan.verdict import judge_steps, progress

RANK = [
    (StepState.ERROR, Verdict.ERROR),
    (StepState.FAILED, Verdict.FAILED),
    (StepState.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    (StepState.SUCCEEDED, Verdict.PASSED),
]


def ended(*states: StepState) -> list[StepStatus]:
    return [StepStatus(name=f"s{n}", state=state, reason="Why", message="said") for n, state in enumerate(states)]


@pytest.mark.parametrize("first", range(len(RANK)))
def test_an_error_weighs_more_than_a_failure_and_that_more_than_a_doubt(first: int) -> None:
    for order in permutations([state for state, _ in RANK[first:]]):
        assert judge_steps(ended(*order)).verdict is RANK[first][1]


def test_the_first_step_at_fault_is_named_with_its_reason() -> None:
    judgement = judge_steps(ended(StepState.SUCCEEDED, StepState.FAILED, StepState.FAILED))
    assert (judgement.reason, judgement.message) == ("Why", "step s1: said (and 1 more)")


def test_a_step_without_a_message_is_told_by_its_reason() -> None:
    assert judge_steps([StepStatus(name="s", state=StepState.ERROR, reason="Lost")]).message == "step s: Lost"


def test_a_skipped_step_is_not_required() -> None:
    judgement = judge_steps(ended(StepState.SUCCEEDED, StepState.SKIPPED))
    assert (judgement.verdict, judgement.message) == (Verdict.PASSED, "1 of 1 steps succeeded; 1 skipped")


def test_nothing_but_skipped_steps_is_no_evidence() -> None:
    judgement = judge_steps(ended(StepState.SKIPPED, StepState.SKIPPED))
    assert (judgement.verdict, judgement.reason) == (Verdict.INCONCLUSIVE, "NoEvidence")


def test_without_steps_the_healthy_services_are_the_evidence() -> None:
    judgement = judge_steps([])
    assert (judgement.verdict, judgement.reason) == (Verdict.PASSED, "EnvironmentHealthy")


def test_progress_counts_what_is_required() -> None:
    assert progress(ended(StepState.SUCCEEDED, StepState.RUNNING, StepState.SKIPPED)) == "1/2"
    assert progress([]) == "0/0"
