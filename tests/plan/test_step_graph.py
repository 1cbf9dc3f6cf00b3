"""Matrices, conditions, optional steps, limits and waiting in a graph of steps; and what holds in any of them."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState, StepStatus, Verdict
from seatrial.api.step import Step
from seatrial.plan.observed import Observed
from seatrial.plan.steps import RunIdentity, StepsPlan, plan_steps
from seatrial.plan.verdict import judge_steps, progress
from tests.plan.situations import at, judged, steps

GET = {"http": {"service": "web"}}
OK = Outcome(StepState.SUCCEEDED, "ExpectationsMet", captures={"id": 7})
BAD = Outcome(StepState.FAILED, "ExpectationFailed")


def plan(
    graph: list[Step], before: list[StepStatus], seconds: float = 0, at_once: int | None = None, **seen: Any
) -> StepsPlan:
    conditions: dict[str, Outcome | None] = {}
    while True:
        observed = Observed(conditions=conditions, **seen)
        turn = plan_steps(graph, before, observed, at(seconds), run=RunIdentity("uid", "9"), at_once=at_once)
        if not turn.conditions:
            return turn
        conditions |= judged(graph, turn.steps, turn.conditions, "9")


def states(plan: StepsPlan) -> dict[str, str]:
    return {step.name: str(step.state) for step in plan.steps}


# ---------------------------------------------------------------------- matrix

EACH = {"name": "each", "matrix": {"n": [1, 2]}, **GET}


def test_instances_run_side_by_side_and_say_what_they_are() -> None:
    first = plan(steps(EACH), [])
    assert states(first) == {"each-0": "Running", "each-1": "Running"}
    assert [(step.instance_of, step.matrix) for step in first.steps] == [("each", {"n": 1}), ("each", {"n": 2})]


@pytest.mark.parametrize(
    ("ends", "result", "state"),
    [
        ((OK, OK), "Succeeded", "Running"),
        ((OK, BAD), "Succeeded", "Skipped"),
        ((OK, BAD), "Failed", "Running"),
        ((OK, OK), "Failed", "Skipped"),
        ((BAD, OK), "Completed", "Running"),
    ],
)
def test_a_need_of_a_matrix_means_all_its_instances(ends: tuple[Outcome, ...], result: str, state: str) -> None:
    graph = steps(EACH, {"name": "b", "needs": [{"step": "each", "result": result}], **GET})
    first = plan(graph, [])
    half = plan(graph, first.steps, 1, outcomes={"each-0": ends[0]}, checking={"each-1"})
    assert states(half)["b"] == "Pending"
    after = plan(graph, half.steps, 2, outcomes={"each-1": ends[1]})
    assert states(after)["b"] == state
    if state == "Skipped":
        assert after.steps[2].message.startswith("the 2 instances of step each ended: ")


def test_what_when_leaves_out_is_not_missing_from_a_matrix_unless_it_is_all() -> None:
    after = {"name": "b", "needs": [{"step": "each"}], **GET}
    some = steps(EACH | {"when": "matrix.n == 2"}, after)
    first = plan(some, [])
    assert states(first) == {"each-0": "Skipped", "each-1": "Running", "b": "Pending"}
    assert (first.steps[0].reason, first.steps[0].message) == ("WhenFalse", "matrix.n == 2 is false")
    assert states(plan(some, first.steps, 1, outcomes={"each-1": OK}))["b"] == "Running"
    none = plan(steps(EACH | {"when": "matrix.n == 3"}, after), [])
    assert states(none) == {"each-0": "Skipped", "each-1": "Skipped", "b": "Skipped"}


# ---------------------------------------------------------------------- limits


def test_a_limit_for_all_steps_lets_them_take_turns_in_the_order_of_the_spec() -> None:
    graph = steps({"name": "a", **GET}, EACH, {"name": "c", **GET})
    first = plan(graph, [], at_once=2)
    assert states(first) == {"a": "Running", "each-0": "Running", "each-1": "Pending", "c": "Pending"}
    assert (first.steps[3].reason, first.steps[3].message) == (
        "MaxParallel",
        "waits its turn: at most 2 steps run at once",
    )
    after = plan(graph, first.steps, 1, at_once=2, outcomes={"a": BAD}, checking={"each-0"})
    assert states(after) == {"a": "Failed", "each-0": "Running", "each-1": "Running", "c": "Pending"}


def test_a_limit_of_a_matrix_is_for_its_instances_alone() -> None:
    graph = steps(EACH | {"maxParallel": 1}, {"name": "c", **GET})
    first = plan(graph, [])
    assert states(first) == {"each-0": "Running", "each-1": "Pending", "c": "Running"}
    assert first.steps[1].message == "waits its turn: at most 1 instances of each run at once"


def test_a_pause_between_attempts_leaves_its_place_to_others() -> None:
    graph = steps({"name": "a", "retry": {}, **GET}, {"name": "b", **GET})
    first = plan(graph, [], at_once=1)
    after = plan(graph, first.steps, 1, at_once=1, outcomes={"a": BAD})
    assert states(after) == {"a": "Pending", "b": "Running"}
    assert states(plan(graph, after.steps, 60, at_once=1, checking={"b"})) == {"a": "Pending", "b": "Running"}
    done = plan(graph, after.steps, 50, at_once=1, outcomes={"b": OK})
    assert states(done) == {"a": "Running", "b": "Succeeded"}


# ---------------------------------------------------------------------- when, optional


@pytest.mark.parametrize(
    ("when", "state", "reason"),
    [
        ("captures.id == 7", "Running", "Started"),
        ("run.id == '9'", "Running", "Started"),
        ("captures.id == 8", "Skipped", "WhenFalse"),
        ("captures.id.missing == 8", "Error", "WhenFailed"),
        ("captures.other == 8", "Error", "WhenFailed"),
        ("captures.id", "Error", "WhenFailed"),
    ],
)
def test_a_condition_is_judged_when_the_needs_are_met(when: str, state: str, reason: str) -> None:
    graph = steps({"name": "a", **GET}, {"name": "b", "needs": [{"step": "a"}], "when": when, "retry": {}, **GET})
    first = plan(graph, [])
    assert states(first)["b"] == "Pending"
    after = plan(graph, first.steps, 1, outcomes={"a": OK}).steps[1]
    assert (after.state, after.reason) == (state, reason)
    assert state == "Running" or after.attempts == 0


def test_a_step_that_its_condition_left_out_counts_as_completed_alone() -> None:
    needs = [{"name": r.lower(), "needs": [{"step": "a", "result": r}], **GET} for r in ("Succeeded", "Completed")]
    after = plan(steps({"name": "a", "when": "run.id == ''", **GET}, *needs), [])
    assert states(after) == {"a": "Skipped", "succeeded": "Skipped", "completed": "Running"}


def test_an_optional_step_leaves_the_verdict_alone_and_is_told_of() -> None:
    graph = steps({"name": "a", **GET}, {"name": "b", "optional": True, **GET})
    first = plan(graph, [])
    assert first.steps[1].optional
    after = plan(graph, first.steps, 1, outcomes={"a": OK, "b": BAD})
    judgement = judge_steps(after.steps)
    assert judgement.verdict is Verdict.PASSED
    assert judgement.message == "1 of 1 steps succeeded; optional: b ended Failed"
    assert progress(after.steps) == "1/1"


def test_optional_steps_alone_are_no_evidence() -> None:
    after = [StepStatus(name="a", state=StepState.SUCCEEDED, optional=True)]
    assert judge_steps(after).reason == "NoEvidence"


def test_a_flaky_step_is_told_of() -> None:
    after = [StepStatus(name="a", state=StepState.SUCCEEDED, attempts=3, flaky=True)]
    assert judge_steps(after).message == "1 of 1 steps succeeded; flaky: a needed 3 attempts"


# ---------------------------------------------------------------------- waiting

FOR = {"kind": "Deployment", "name": "web", "condition": "Available"}


def test_a_pause_ends_by_the_clock() -> None:
    graph = steps({"name": "w", "wait": {"duration": "5s"}})
    first = plan(graph, [])
    assert first.wake_at == at(5)
    going = plan(graph, first.steps, 4)
    assert (going.steps[0].state, going.steps[0].message) == (StepState.RUNNING, "until 2026-01-01T12:00:05Z")
    assert states(plan(graph, going.steps, 5)) == {"w": "Succeeded"}
    assert states(plan(graph, going.steps, 5000)) == {"w": "Succeeded"}  # the operator was away


def test_waiting_ends_when_the_cluster_tells_that_the_condition_is_true() -> None:
    graph = steps({"name": "w", "wait": {"for": FOR}, "timeout": "30s"})
    first = plan(graph, [])
    assert first.wake_at == at(30)
    going = plan(graph, first.steps, 1)
    assert going.steps[0].message == "there is no Deployment web yet"
    there = {("Deployment", "web"): frozenset({"Progressing"})}
    going = plan(graph, going.steps, 2, true_conditions=there)
    assert going.steps[0].message == "Deployment web is not Available yet"
    late = plan(graph, going.steps, 30, true_conditions=there).steps[0]
    assert (late.state, late.reason) == (StepState.FAILED, "Timeout")
    assert plan(graph, going.steps, 30).steps[0].state is StepState.ERROR
    met = plan(graph, going.steps, 30, true_conditions={("Deployment", "web"): frozenset({"Available"})}).steps[0]
    assert (met.state, met.reason, met.message) == (
        StepState.SUCCEEDED,
        "ConditionMet",
        "Deployment web is Available",
    )


# ---------------------------------------------------------------------- what holds in any graph


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    """Graphs of requests and assertions with every manner of being run."""
    rows = []
    for index in range(draw(st.integers(1, 7))):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        row: dict[str, Any] = {"name": f"t{index}", "optional": draw(st.booleans()), **GET}
        row["needs"] = [
            {"step": f"t{need}", "result": draw(st.sampled_from(["Succeeded", "Failed", "Completed"]))}
            for need in sorted(needs)
        ]
        if draw(st.booleans()):
            row["retry"] = {"limit": draw(st.integers(1, 3)), "onResults": draw(st.sampled_from(_RESULTS))}
        if draw(st.booleans()):
            row |= {"matrix": {"n": list(range(draw(st.integers(1, 3))))}, "when": "matrix.n != 1"}
            row |= draw(st.sampled_from([{}, {"maxParallel": 1}]))
        rows.append(row)
    return steps(*rows)


_RESULTS = [["Error"], ["Failure"], ["Error", "Failure"]]


@given(graphs(), st.integers(0, 10**6), st.sampled_from([None, 1, 2]))
def test_every_graph_ends_within_its_limits_and_a_second_turn_plans_nothing(
    graph: list[Step], seed: int, at_once: int | None
) -> None:
    chance, outcomes, now, before = Random(seed), dict[str, Outcome](), 0.0, list[StepStatus]()  # noqa: S311 - no secret
    by_name = {step.name: step for step in graph}
    for _ in range(500):
        turn = plan(graph, before, now, at_once, outcomes=outcomes)
        again = plan(graph, turn.steps, now, at_once, outcomes=outcomes, checking=frozenset(turn.checks))
        assert (again.steps, again.actions, again.checks) == (turn.steps, [], turn.checks)
        running = [step for step in turn.steps if step.state is StepState.RUNNING]
        assert at_once is None or len(running) <= at_once
        for step in turn.steps:
            written = by_name[step.instance_of or step.name]
            assert step.attempts <= (written.retry.limit + 1 if written.retry else 1)
        if turn.ended:
            break
        for attempt in sorted(turn.checks):
            if chance.random() < 0.6:
                state = chance.choice([StepState.SUCCEEDED, StepState.SUCCEEDED, StepState.FAILED, StepState.ERROR])
                outcomes[attempt] = Outcome(state, "Judged")
        before, now = turn.steps, now + chance.choice([0.1, 1, 30])
    assert turn.ended
    if judge_steps(turn.steps).verdict is Verdict.PASSED:
        required = [step for step in turn.steps if not step.optional and step.state is not StepState.SKIPPED]
        assert required
        assert all(step.state is StepState.SUCCEEDED for step in required)


def test_status_shows_the_beginning_of_a_long_value() -> None:
    shown = plan(steps({"name": "each", "matrix": {"n": ["x" * 256, 7]}, **GET}), []).steps
    assert [len(str(step.matrix["n"]).encode()) for step in shown] == [48, 1]
