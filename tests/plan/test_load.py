"""Load is judged on the merge of all workers, and on nothing less."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import ErrorCount, GeneratorResult, LoadResult, StepState, ThresholdState
from seatrial.plan.load import judge_load, present, waits_for
from seatrial.plan.observed import JobSeen, LoadSeen, Observed, PodSeen
from seatrial.plan.thresholds import judge_thresholds
from tests.plan.situations import NOW, at, heard, load_spec, pod

FAST = {"expr": "latency.p99 < duration('250ms')"}
CLEAN = {"expr": "errors.rate < 0.01"}


def judge(
    seen: LoadSeen | None, *pods: PodSeen, job: JobSeen | None = None, gone: bool = False, workers: int = 1, **spec: Any
) -> Outcome | None:
    """Judges load at its start; its Job is there unless it is gone, and so are the pods of workers that were heard."""
    there = seen.ready - {one.index for one in pods} if seen and not job else frozenset()
    pods += tuple(pod("l", f"l-{index}", index=index, running=True) for index in sorted(there))
    observed = Observed(loads={"l": seen} if seen else {}, pods=pods, jobs={} if gone else {"l": job or JobSeen()})
    return judge_load("l", load_spec(workers=workers, **spec), observed, at(1))


def test_thresholds_that_hold_pass() -> None:
    outcome = judge(heard(1, 0), thresholds=[FAST, CLEAN])
    assert outcome == Outcome(StepState.SUCCEEDED, "ThresholdsMet", "1000 requests")


def test_load_without_thresholds_passes_by_having_been_done() -> None:
    outcome = judge(heard(1, 0))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.SUCCEEDED, "Completed")


def test_a_missed_threshold_fails_and_says_by_what() -> None:
    seen = heard(1, 0, values={"latency.p99": timedelta(milliseconds=300), "errors.rate": 0.5})
    outcome = judge(seen, thresholds=[FAST, CLEAN])
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.FAILED, "ThresholdMissed")
    assert outcome.message == "latency.p99 < duration('250ms') is false: latency.p99 = 300ms and 1 more"


def test_a_threshold_without_data_never_passes() -> None:
    outcome = judge(heard(1, 0, values={"errors.rate": 0.0}), thresholds=[FAST, CLEAN])
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "NoData")
    assert outcome.message == "nothing was measured that latency.p99 < duration('250ms') could judge"


def test_thresholds_are_pending_until_the_end() -> None:
    spec = load_spec(thresholds=[FAST, CLEAN])
    values = {"latency.p99": timedelta(milliseconds=12), "latency.count": 1000, "errors.rate": 0.25}
    live = judge_thresholds(spec, values, final=False)
    assert [(one.state, one.value) for one in live] == [
        (ThresholdState.PENDING, "latency.p99 = 12ms"),
        (ThresholdState.PENDING, "errors.rate = 0.25"),
    ]
    final = judge_thresholds(spec, values, final=True)
    assert [one.state for one in final] == [ThresholdState.PASSED, ThresholdState.FAILED]


def test_a_threshold_that_has_no_value_says_why() -> None:
    spec = load_spec(thresholds=[{"expr": "errors.count / requests.count < 1"}])
    judged = judge_thresholds(spec, {"errors.count": 0, "requests.count": 0}, final=True)
    assert (judged[0].state, judged[0].value) == (ThresholdState.NO_DATA, "divide by zero")


def test_no_request_is_inconclusive() -> None:
    outcome = judge(heard(1, 0, requests=0, latency=None))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "NoData")


def test_no_success_is_a_failure_by_kind() -> None:
    kinds = [ErrorCount(kind="connect", count=900), ErrorCount(kind="timeout", count=100)]
    outcome = judge(heard(1, 0, errors=1000, latency=None, errors_by_kind=kinds))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.FAILED, "NoSuccess")
    assert outcome.message == "none of 1000 requests succeeded (connect: 900, timeout: 100)"


@pytest.mark.parametrize(("achieved", "state"), [(94.9, StepState.INCONCLUSIVE), (95.0, StepState.SUCCEEDED)])
def test_a_rate_that_was_not_achieved_is_inconclusive(achieved: float, state: StepState) -> None:
    outcome = judge(heard(1, 0, achieved_rate=achieved, dropped=7))
    assert outcome is not None
    assert outcome.state is state
    if state is StepState.INCONCLUSIVE:
        assert outcome.reason == "RateNotAchieved"
        assert outcome.message == (
            "achieved 94.9 of 100 requests per second (7 dropped): add workers or raise maxInFlight"
        )


def test_the_closed_model_asks_for_no_rate() -> None:
    outcome = judge(heard(1, 0, requested_rate=0, achieved_rate=3), profile={"users": 5, "duration": "10s"})
    assert outcome is not None
    assert outcome.state is StepState.SUCCEEDED


def test_every_worker_must_have_finished() -> None:
    assert judge(heard(2, 0), workers=2) is None
    done = judge(heard(2, 0, 1), workers=2)
    assert done is not None
    assert done.state is StepState.SUCCEEDED


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        (pod("l", index=1, exit_code=137, ended_reason="OOMKilled"), "OOMKilled"),
        (pod("l", index=1, exit_code=3), "exit code 3"),
        (pod("l", index=1, disruption="Evicted"), "Evicted"),
    ],
)
def test_a_lost_worker_is_inconclusive(lost: PodSeen, why: str) -> None:
    outcome = judge(heard(2, 0), lost, workers=2)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "WorkerLost")
    assert outcome.message == f"worker 1 was lost ({why}); its requests are missing from the result"


@pytest.mark.parametrize(("says", "told"), [("no such host", "no such host"), ("", "its worker refuses this load")])
def test_a_worker_that_cannot_send_what_it_is_asked_to_is_an_error(says: str, told: str) -> None:
    outcome = judge(None, pod("l", index=0, exit_code=2, waiting_message=says))
    assert outcome == Outcome(StepState.ERROR, "LoadRefused", told)


def test_a_worker_that_is_lost_after_its_last_line_is_no_loss() -> None:
    outcome = judge(heard(1, 0), pod("l", index=0, exit_code=1))
    assert outcome is not None
    assert outcome.state is StepState.SUCCEEDED


def test_an_unreadable_log_is_inconclusive() -> None:
    seen = LoadSeen(LoadResult(workers=1, workers_reporting=1), unreadable={0: "its log cannot be read"})
    outcome = judge(seen, pod("l", index=0, exit_code=0))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "WorkerLost")


def test_a_worker_whose_pod_is_gone_is_inconclusive() -> None:
    outcome = judge(heard(2, 0), pod("l", index=0, exit_code=0), job=JobSeen(complete=True), workers=2)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "WorkerLost")
    assert outcome.message == "the pod of worker 1 is gone; its requests are missing from the result"


def test_a_complete_job_whose_logs_are_still_read_goes_on() -> None:
    assert judge(None, pod("l", index=0, exit_code=0), job=JobSeen(complete=True)) is None


def test_a_deleted_or_failed_job_is_an_error() -> None:
    lost = judge(None, gone=True)
    assert lost is not None
    assert (lost.state, lost.reason) == (StepState.ERROR, "JobLost")
    failed = judge(None, job=JobSeen(failed=True, reason="DeadlineExceeded", message="too long"))
    assert failed == Outcome(StepState.ERROR, "DeadlineExceeded", "too long")
    unsaid = judge(None, job=JobSeen(failed=True))
    assert unsaid == Outcome(StepState.ERROR, "JobFailed", "the Job with its workers failed")


def test_a_refusal_and_a_hopeless_pod_are_errors() -> None:
    refused = Observed(refusals={"StartLoad/l": "target.service: there is no Service web"})
    assert judge_load("l", load_spec(), refused, NOW) == Outcome(
        StepState.ERROR, "Refused", "target.service: there is no Service web"
    )
    outcome = judge(None, pod("l", index=0, waiting="InvalidImageName"))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "InvalidImageName")


def test_what_it_waits_for_is_said() -> None:
    def waits(**seen: Any) -> str:
        return waits_for("l", load_spec(workers=2), Observed(**seen), NOW)

    assert waits(jobs={"l": JobSeen(refusal="exceeded quota")}) == "exceeded quota"
    assert waits(pods=(pod("l", index=0, unschedulable="no nodes"),)) == "pod l-x1: no nodes"
    assert waits() == "0 of 2 workers are ready"
    assert waits(loads={"l": heard(2)}) == ""


def test_what_was_shown_stays_until_workers_are_heard_again() -> None:
    spec = load_spec(thresholds=[FAST])
    silent = LoadSeen(LoadResult(workers=1))
    assert present(spec, None, None, final=False).requests == 0
    before = present(spec, heard(1), None, final=False)
    assert before.requests == 1000
    assert before.thresholds[0].value == "latency.p99 = 5ms"
    assert present(spec, None, before, final=False) == before
    assert present(spec, silent, before, final=False) == before
    lost = present(spec, silent, before, final=True)
    assert lost.thresholds[0].state is ThresholdState.NO_DATA


SCRIPT: dict[str, Any] = {
    "engine": "K6",
    "script": {"inline": "export default function () {}"},
    "profile": {"users": 9, "duration": "10s"},
}


@pytest.mark.parametrize(("code", "reason"), [(2, "LoadRefused"), (3, "ScriptInvalid"), (4, "ScriptError")])
def test_a_script_that_does_not_run_is_an_error_with_its_message(code: int, reason: str) -> None:
    ended = pod("l", index=1, exit_code=code, waiting_message="Unexpected token }")
    other = pod("l", name="l-x2", index=0, exit_code=143)
    outcome = judge(heard(1), other, ended, workers=2, **SCRIPT)
    assert outcome == Outcome(StepState.ERROR, reason, "Unexpected token }")


def test_what_a_script_complains_of_comes_after_thresholds_and_before_doubts() -> None:
    seen = replace(
        heard(2, 0, 1, dropped=900, flow_rate=1.0, requested_rate=0.0), complaints={1: "checks have been crossed"}
    )
    outcome = judge(seen, workers=2, **SCRIPT)
    assert outcome == Outcome(StepState.FAILED, "ScriptFailed", "worker 1: checks have been crossed")
    missed = replace(seen, values={"latency.p99": timedelta(seconds=1), "latency.count": 1000})
    outcome = judge(missed, workers=2, thresholds=[FAST], **SCRIPT)
    assert outcome is not None
    assert outcome.reason == "ThresholdMissed"


def test_iterations_that_ended_with_an_exception_prove_nothing() -> None:
    seen = replace(heard(1, 0, requested_rate=0.0), exceptions=3, exception="TypeError: null")
    outcome = judge(seen, **SCRIPT)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "ScriptException")
    assert outcome.message.startswith("3 iterations ended with an exception")
    assert outcome.message.endswith("TypeError: null")


@pytest.mark.parametrize(("dropped", "state"), [(2, StepState.SUCCEEDED), (6, StepState.INCONCLUSIVE)])
def test_iterations_that_k6_drops_are_a_rate_that_was_not_achieved(dropped: int, state: StepState) -> None:
    seen = heard(1, 0, dropped=dropped, flow_rate=10.0, measured_seconds=10.0, requested_rate=0.0)
    outcome = judge(seen, **SCRIPT)
    assert outcome is not None
    assert outcome.state is state
    assert (outcome.reason == "RateNotAchieved") is (state is StepState.INCONCLUSIVE)


@pytest.mark.parametrize(("skew", "state"), [(900, StepState.SUCCEEDED), (1100, StepState.INCONCLUSIVE)])
def test_tools_have_a_second_to_start(skew: int, state: StepState) -> None:
    generator = GeneratorResult(start_skew_milliseconds=skew)
    outcome = judge(heard(2, 0, 1, generator=generator, measured_seconds=5.0, requested_rate=0.0), workers=2, **SCRIPT)
    assert outcome is not None
    assert outcome.state is state
