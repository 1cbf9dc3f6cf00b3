"""Further attempts: when there is one, what it waits for, and that nothing of one counts for another."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import names
from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import Step
from seatrial.plan.decision import StartJob, StartLoad, StopAttempt
from seatrial.plan.observed import JobSeen, Observed
from seatrial.plan.retry import STOP_PATIENCE, pause
from seatrial.plan.steps import RunIdentity, StepsPlan, cut_off, plan_steps
from tests.plan.situations import NOW, at, heard, load_spec, pod, steps

GET = {"name": "a", "http": {"service": "web"}, "retry": {}}
POST = {"name": "a", "http": {"service": "web", "method": "POST"}, "retry": {}}
JOB = {"name": "a", "job": {"image": "i"}, "timeout": "30s", "retry": {}}
LOAD = {"name": "a", "load": load_spec().to_kubernetes(), "retry": {}}
OK = Outcome(StepState.SUCCEEDED, "ExpectationsMet")
BAD = Outcome(StepState.FAILED, "ExpectationFailed", "status 500")
ENDED = {StepState.FAILED: "Failure", StepState.ERROR: "Error", StepState.INCONCLUSIVE: "Error"}


def plan(graph: list[Step], before: list[StepStatus], seconds: float = 0, **seen: Any) -> StepsPlan:
    return plan_steps(graph, before, Observed(**seen), at(seconds), run=RunIdentity("uid", "1"))


def only(after: StepsPlan) -> StepStatus:
    (status,) = after.steps
    return status


def failed_once(spec: dict[str, Any], **seen: Any) -> StepsPlan:
    """A step whose first attempt failed after a second."""
    graph = steps(spec)
    return plan(graph, plan(graph, []).steps, 1, **({"outcomes": {"a": BAD}} | seen))


def test_a_failure_is_followed_by_a_visible_pause_and_another_attempt() -> None:
    first = failed_once(GET)
    waiting = only(first)
    assert (waiting.state, waiting.reason, waiting.attempts) == (StepState.PENDING, "Backoff", 1)
    assert waiting.message == (
        "attempt 1 of at most 3 ended Failed (ExpectationFailed), the next is due at 2026-01-01T12:00:01Z: status 500"
    )
    assert not first.ended
    assert first.wake_at is not None
    assert timedelta(seconds=0.5) <= first.wake_at - at(1) <= timedelta(seconds=1)
    assert only(plan(steps(GET), first.steps, 1.1)) == waiting  # a second turn changes nothing
    second = plan(steps(GET), first.steps, 3, outcomes={"a": BAD})
    assert (only(second).state, only(second).attempts, only(second).started_at) == (
        StepState.RUNNING,
        2,
        "2026-01-01T12:00:03.000Z",
    )
    assert second.checks == {"a-a2"}
    assert only(second).next_attempt_at is None


def test_a_stale_outcome_never_counts_for_a_new_attempt() -> None:
    second = plan(steps(GET), failed_once(GET).steps, 3)
    stale = {"a": OK}
    assert only(plan(steps(GET), second.steps, 4, outcomes=stale, checking={"a-a2"})).state is StepState.RUNNING
    third = plan(steps(GET), second.steps, 4, outcomes=stale | {"a-a2": OK})
    assert (only(third).state, only(third).flaky, only(third).attempts) == (StepState.SUCCEEDED, True, 2)


def test_each_attempt_has_its_whole_time() -> None:
    graph = steps(GET | {"timeout": "10s"})
    second = plan(graph, plan(graph, plan(graph, []).steps, 10, checking={"a"}).steps, 20)
    assert (only(second).state, second.wake_at) == (StepState.RUNNING, at(30))
    going = plan(graph, second.steps, 29, checking={"a-a2"})
    assert only(going).state is StepState.RUNNING
    late = plan(graph, going.steps, 30, checking={"a-a2"})
    assert (only(late).reason, only(late).attempts) == ("Backoff", 2)


@pytest.mark.parametrize("end", ENDED)
@pytest.mark.parametrize("on", [["Error"], ["Failure"], ["Error", "Failure"]])
def test_only_the_results_that_were_named_lead_to_another_attempt(end: StepState, on: list[str]) -> None:
    spec = GET | {"retry": {"onResults": on}}
    after = only(failed_once(spec, outcomes={"a": Outcome(end, "Why")}))
    assert (after.reason == "Backoff") == (ENDED[end] in on)
    assert after.state is (StepState.PENDING if ENDED[end] in on else end)


def test_attempts_are_at_most_one_more_than_the_limit() -> None:
    graph = steps(GET | {"retry": {"limit": 2}})
    state = plan(graph, [])
    for number in range(1, 4):
        assert only(state).attempts == number
        state = plan(graph, state.steps, 100 * number, outcomes={names.attempt("a", number): BAD})
        if number < 3:
            state = plan(graph, state.steps, 100 * number + 50)
    assert (only(state).state, only(state).attempts, only(state).flaky) == (StepState.FAILED, 3, None)


def test_success_is_not_repeated_and_not_flaky() -> None:
    after = only(failed_once(GET, outcomes={"a": OK}))
    assert (after.state, after.attempts, after.flaky) == (StepState.SUCCEEDED, 1, None)


def test_the_user_alone_has_a_post_repeated_that_was_cut_off() -> None:
    for spec, reason in ((POST, "Backoff"), (POST | {"retry": {"onResults": ["Failure"]}}, "Interrupted")):
        graph = steps(spec)
        restarted = plan(graph, plan(graph, []).steps, 1)
        assert only(restarted).reason == reason
        assert restarted.urgent  # what became of it is stored before anything follows from it
    again = plan(steps(POST), plan(steps(POST), plan(steps(POST), []).steps, 1).steps, 5)
    assert again.urgent
    assert again.checks == {"a-a2"}


def test_jobs_and_loads_of_attempts_have_names_of_their_own() -> None:
    ended: dict[str, Any] = {"jobs": {"a": JobSeen(failed=True)}, "pods": (pod("a", exit_code=1),)}
    second = plan(steps(JOB), failed_once(JOB, **ended).steps, 5, **ended)
    assert second.actions == [StartJob("a", 2)]
    assert StartJob("a", 2).key == "StartJob/a-a2"
    assert only(plan(steps(JOB), second.steps, 6, jobs={"a-a2": JobSeen()})).state is StepState.RUNNING
    assert only(plan(steps(JOB), second.steps, 6, **ended)).reason == "Backoff"  # its own Job is gone
    lost = failed_once(LOAD, jobs={"a": JobSeen()}, pods=(pod("a", index=0, exit_code=137),), loads={"a": heard(1)})
    assert only(lost).load is not None
    again = plan(steps(LOAD), lost.steps, 5, loads={"a": heard(1)})
    assert again.actions == [StartLoad("a", 2)]
    assert again.follows == {"a-a2"}
    assert only(again).load is None  # the numbers of the first attempt are not those of the second


def test_a_job_whose_time_is_over_is_stopped_before_the_next_attempt() -> None:
    graph = steps(JOB)
    going: dict[str, Any] = {"jobs": {"a": JobSeen()}, "pods": (pod("a", running=True),)}
    late = plan(graph, plan(graph, []).steps, 30, **going)
    assert (only(late).reason, late.actions) == ("Backoff", [StopAttempt("a", 1)])
    dying: dict[str, Any] = {"pods": (pod("a", running=True, deleting_since=at(30)),)}
    hindered = plan(graph, late.steps, 40, **dying)
    assert hindered.actions == []
    assert only(hindered) == only(late)
    assert hindered.wake_at is not None
    assert plan(graph, late.steps, 40).actions == [StartJob("a", 2)]
    # A node that is gone never says that its pod has ended.
    assert plan(graph, late.steps, 32 + STOP_PATIENCE, **dying).actions == [StartJob("a", 2)]


def test_a_run_that_ends_during_a_pause_cancels_the_step() -> None:
    after = cut_off(failed_once(GET).steps, NOW, "StepsTimeout", "the run ended before it")
    assert (after[0].state, after[0].attempts, after[0].next_attempt_at) == (StepState.CANCELLED, 1, None)


@given(st.integers(1, 10), st.text("ab", max_size=5), st.sampled_from(["x", "y"]))
def test_pauses_grow_to_their_limit_and_are_the_same_each_time(attempt: int, seed: str, name: str) -> None:
    step = Step.model_validate(GET | {"name": name, "retry": {"backoff": {"initial": "2s", "max": "20s"}}})
    longest = min(2 * 2 ** (attempt - 1), 20)
    assert pause(step, attempt, seed) == pause(step, attempt, seed)
    assert longest / 2 <= pause(step, attempt, seed).total_seconds() <= longest


def test_pauses_of_different_runs_and_steps_differ() -> None:
    graph = steps(GET, GET | {"name": "b"})
    found = {pause(step, number, f"uid/{run}") for step in graph for number in (1, 2) for run in range(5)}
    assert len(found) == 20
