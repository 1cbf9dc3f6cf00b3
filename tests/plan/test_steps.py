"""Steps start when what they need has ended as asked, and end with evidence or with what kept them."""

from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState, StepStatus
from seatrial.api.step import JobStep, NeedResult, Step
from seatrial.plan.decision import StartJob, StartLoad
from seatrial.plan.observed import JobSeen, Observed
from seatrial.plan.steps import StepsPlan, cut_off, plan_sequence, plan_steps
from tests.plan.situations import NOW, at, heard, load_spec, pod, steps

GET = {"http": {"service": "web"}}
POST = {"http": {"service": "web", "method": "POST"}}
JOB = {"job": {"image": "i"}}
LOAD = {"load": load_spec().to_kubernetes()}
OK = Outcome(StepState.SUCCEEDED, "ExpectationsMet", "status 200", {"id": 7})
BAD = Outcome(StepState.FAILED, "ExpectationFailed", "status 500")


def plan(graph: list[Step], before: list[StepStatus], seconds: float = 0, **seen: Any) -> StepsPlan:
    return plan_steps(graph, before, Observed(**seen), at(seconds))


def states(plan: StepsPlan) -> dict[str, str]:
    return {step.name: str(step.state) for step in plan.steps}


def ended(name: str, state: StepState) -> StepStatus:
    return StepStatus(name=name, state=state)


def test_what_needs_nothing_starts_together_each_in_its_way() -> None:
    first = plan(steps({"name": "a", **GET}, {"name": "b", **JOB}, {"name": "c", **LOAD}), [])
    assert first.actions == [StartJob("b"), StartLoad("c")]
    assert first.checks == {"a"}
    assert first.follows == {"c"}
    assert not first.urgent
    assert not first.ended
    assert [step.attempts for step in first.steps] == [1, 1, 1]
    assert first.wake_at == at(60)


ENDS = [state for state in StepState if state.ended]


@pytest.mark.parametrize(
    ("result", "satisfying"),
    [
        ("Succeeded", {StepState.SUCCEEDED}),
        ("Failed", {StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE}),
        ("Completed", set(ENDS)),
    ],
)
@pytest.mark.parametrize("end", ENDS)
def test_a_step_starts_if_its_need_ended_as_asked_and_is_skipped_if_not(
    result: str, satisfying: set[StepState], end: StepState
) -> None:
    graph = steps({"name": "b", "needs": [{"step": "a", "result": result}], **GET}, {"name": "a", **GET})
    after = plan(graph, [ended("a", end)]).steps[0]
    if end in satisfying:
        assert after.state is StepState.RUNNING
    else:
        assert (after.state, after.reason) == (StepState.SKIPPED, "NeedNotMet")
        assert after.message == f"step a ended {end}"


def test_a_step_waits_while_its_need_goes_on() -> None:
    graph = steps({"name": "a", **GET}, {"name": "b", "needs": [{"step": "a"}], **GET})
    first = plan(graph, [])
    assert states(first) == {"a": "Running", "b": "Pending"}
    assert states(plan(graph, first.steps, 1, checking=frozenset("a"))) == {"a": "Running", "b": "Pending"}


def test_a_skip_goes_down_the_whole_chain_in_one_turn_and_counts_as_completed() -> None:
    graph = steps(
        {"name": "d", "needs": [{"step": "c", "result": "Completed"}], **GET},
        {"name": "c", "needs": [{"step": "b"}], **GET},
        {"name": "b", "needs": [{"step": "a"}], **GET},
        {"name": "a", **GET},
    )
    first = plan(graph, [])
    after = plan(graph, first.steps, 1, outcomes={"a": BAD})
    assert states(after) == {"d": "Running", "c": "Skipped", "b": "Skipped", "a": "Failed"}


def test_the_end_of_one_step_starts_the_next_in_the_same_turn() -> None:
    graph = steps({"name": "a", **GET}, {"name": "b", "needs": [{"step": "a"}], **JOB})
    first = plan(graph, [])
    after = plan(graph, first.steps, 1, outcomes={"a": OK})
    assert states(after) == {"a": "Succeeded", "b": "Running"}
    assert after.actions == [StartJob("b")]
    assert after.steps[0].captures == {"id": 7}
    assert after.steps[0].finished_at == "2026-01-01T12:00:01.000Z"


def test_what_has_ended_changes_no_more() -> None:
    graph = steps({"name": "a", **GET})
    done = plan(graph, plan(graph, []).steps, 1, outcomes={"a": OK}).steps
    assert plan(graph, done, 2, outcomes={"a": BAD}).steps == done


def test_the_intent_to_send_what_may_not_be_sent_twice_is_stored_first() -> None:
    graph = steps({"name": "a", **POST})
    first = plan(graph, [])
    assert first.urgent
    going = plan(graph, first.steps, 1, checking=frozenset("a"))
    assert states(going) == {"a": "Running"}
    assert not going.urgent
    after = plan(graph, going.steps, 2, outcomes={"a": OK})
    assert states(after) == {"a": "Succeeded"}
    assert after.urgent


def test_what_may_not_be_sent_twice_is_interrupted_by_a_restart() -> None:
    graph = steps({"name": "a", **POST})
    restarted = plan(graph, plan(graph, []).steps, 1)
    assert (restarted.steps[0].state, restarted.steps[0].reason) == (StepState.ERROR, "Interrupted")
    assert "this POST was under way" in restarted.steps[0].message
    assert restarted.checks == set()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_an_idempotent_request_is_sent_again_after_a_restart_with_its_whole_time(method: str) -> None:
    graph = steps({"name": "a", "http": {"service": "web", "method": method}, "timeout": "30s"})
    first = plan(graph, [])
    restarted = plan(graph, first.steps, 300)
    assert states(restarted) == {"a": "Running"}
    assert restarted.checks == {"a"}
    assert restarted.wake_at == at(330)


def test_an_unanswered_check_fails_when_its_time_is_over() -> None:
    graph = steps({"name": "a", "timeout": "30s", **GET})
    first = plan(graph, [])
    assert first.wake_at == at(30)
    late = plan(graph, first.steps, 30, checking=frozenset("a"))
    assert (late.steps[0].state, late.steps[0].reason) == (StepState.FAILED, "Timeout")
    assert late.steps[0].message == "not ended within 30s"


def test_a_job_that_ran_too_long_has_failed_and_one_that_never_ran_is_an_error() -> None:
    graph = steps({"name": "a", "timeout": "30s", **JOB})
    first = plan(graph, [])
    seen: dict[str, Any] = {"jobs": {"a": JobSeen()}}
    ran = plan(graph, first.steps, 30, **seen, pods=(pod("a", running=True),))
    assert (ran.steps[0].state, ran.steps[0].reason) == (StepState.FAILED, "Timeout")
    waited = plan(graph, first.steps, 30, **seen, pods=(pod("a", unschedulable="no nodes", created=at(20)),))
    assert (waited.steps[0].state, waited.steps[0].reason) == (StepState.ERROR, "Timeout")
    assert waited.steps[0].message == "not ended within 30s: pod a-x1: no nodes"


def test_a_job_that_ended_while_no_operator_was_there_is_judged_by_its_end() -> None:
    graph = steps({"name": "a", "timeout": "30s", **JOB})
    first = plan(graph, [])
    late = plan(graph, first.steps, 3000, jobs={"a": JobSeen(complete=True)}, pods=(pod("a", exit_code=0),))
    assert states(late) == {"a": "Succeeded"}


def test_what_a_running_job_waits_for_is_shown() -> None:
    graph = steps({"name": "a", **JOB})
    first = plan(graph, [])
    pulling = pod("a", waiting="ErrImagePull", waiting_message="manifest unknown")
    going = plan(graph, first.steps, 1, jobs={"a": JobSeen()}, pods=(pulling,))
    assert going.steps[0].message == "pod a-x1: manifest unknown"
    assert going.wake_at == at(15)


def test_load_that_never_started_is_an_error_not_a_failure_of_the_service() -> None:
    graph = steps({"name": "a", "timeout": "30s", **LOAD})
    first = plan(graph, [])
    late = plan(graph, first.steps, 30, jobs={"a": JobSeen()}, pods=(pod("a", index=0, created=at(20)),))
    assert (late.steps[0].state, late.steps[0].reason) == (StepState.ERROR, "Timeout")
    assert late.steps[0].load is not None
    assert late.steps[0].message == "not ended within 30s: 0 of 1 workers report"


def test_load_that_ended_while_no_operator_was_there_is_read_before_it_is_judged() -> None:
    graph = steps({"name": "a", "timeout": "30s", **LOAD})
    first = plan(graph, [])
    there: dict[str, Any] = {"jobs": {"a": JobSeen(complete=True)}, "pods": (pod("a", index=0, exit_code=0),)}
    restarted = plan(graph, first.steps, 3000, **there)
    assert states(restarted) == {"a": "Running"}
    assert restarted.follows == {"a"}
    assert restarted.wake_at is None
    read = plan(graph, restarted.steps, 3001, **there, loads={"a": heard(1, 0)})
    assert states(read) == {"a": "Succeeded"}


def test_a_live_load_shows_its_result() -> None:
    graph = steps({"name": "a", **LOAD})
    going = plan(
        graph, plan(graph, []).steps, 5, jobs={"a": JobSeen()}, loads={"a": heard(1)}, pods=(pod("a", index=0),)
    )
    assert going.steps[0].load is not None
    assert going.steps[0].load.requests == 1000
    assert going.steps[0].message == ""


ENTRIES = [JobStep.model_validate({"name": name, **JOB}) for name in ("a", "b")]


@pytest.mark.parametrize(("after", "second"), [(NeedResult.SUCCEEDED, "Skipped"), (NeedResult.COMPLETED, "Running")])
def test_a_sequence_goes_on_after_a_failure_only_if_it_should(after: NeedResult, second: str) -> None:
    first = plan_sequence(ENTRIES, [], Observed(), NOW, after=after)
    assert states(first) == {"a": "Running", "b": "Pending"}
    seen = Observed(jobs={"a": JobSeen(failed=True)}, pods=(pod("a", exit_code=1),))
    assert states(plan_sequence(ENTRIES, first.steps, seen, at(1), after=after)) == {"a": "Failed", "b": second}


def test_an_empty_graph_has_ended() -> None:
    assert plan([], []).ended


def test_a_cut_ends_what_has_not_ended() -> None:
    before = [ended("a", StepState.RUNNING), ended("b", StepState.PENDING), ended("c", StepState.FAILED)]
    after = cut_off(before, NOW, "Deleted", "the run ended before it")
    assert [(step.state, step.reason) for step in after] == [
        (StepState.CANCELLED, "Deleted"),
        (StepState.SKIPPED, "Deleted"),
        (StepState.FAILED, ""),
    ]
    assert after[2] == before[2]


def test_what_follows_from_an_answer_that_cannot_be_asked_for_again_waits_until_that_is_on_record() -> None:
    graph = steps({"name": "a", **POST}, {"name": "b", "needs": [{"step": "a"}], **JOB}, {"name": "c", **JOB})
    before = [StepStatus(name="a", state=StepState.RUNNING, started_at="2026-01-01T00:00:00.000Z")]
    answered = plan(graph, before, outcomes={"a": OK})
    assert (answered.actions, answered.urgent) == ([], True)
    assert answered.wake_at
    later = plan(graph, answered.steps, 1, outcomes={"a": OK})
    assert (later.actions, later.urgent) == ([StartJob("b"), StartJob("c")], False)


def test_where_nothing_waits_for_the_record_no_turn_of_its_own_is_asked_for() -> None:
    graph = steps({"name": "a", **POST}, {"name": "b", "needs": [{"step": "a"}], **POST})
    before = [StepStatus(name="a", state=StepState.RUNNING, started_at="2026-01-01T00:00:00.000Z", attempts=1)]
    answered = plan(graph, before, outcomes={"a": OK})
    assert states(answered) == {"a": "Succeeded", "b": "Running"}
    assert answered.wake_at
    assert answered.wake_at > at(1)


def test_requests_that_follow_from_it_begin_in_the_turn_that_puts_it_on_record() -> None:
    needs = {"needs": [{"step": "a"}]}
    graph = steps({"name": "a", **POST}, {"name": "b", **needs, **POST}, {"name": "c", **needs, **JOB})
    before = [StepStatus(name="a", state=StepState.RUNNING, started_at="2026-01-01T00:00:00.000Z", attempts=1)]
    answered = plan(graph, before, outcomes={"a": OK})
    assert states(answered) == {"a": "Succeeded", "b": "Running", "c": "Pending"}
    assert (answered.urgent, answered.checks, answered.actions) == (True, {"b"}, [])
