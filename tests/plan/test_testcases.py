"""What test cases mean beside the exit code, and that a failed container's last words are in its message."""

from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import JUnitCounts, StepState
from seatrial.api.step import Job
from seatrial.plan.jobs import judge_job
from seatrial.plan.observed import DeploymentSeen, FilesSeen, JobSeen, Observed, PodSeen, TailSeen
from tests.plan.situations import NOW, Trial, at, pod, scenario_spec

SPEC = Job.model_validate({"image": "i", "junit": "/results/junit.xml"})


def judge(
    ended: PodSeen, files: FilesSeen | None = None, spec: Job | None = SPEC, seconds: float = 1
) -> Outcome | None:
    seen = Observed(pods=(ended,), jobs={"j": JobSeen()}, files={ended.name: files} if files else {})
    return judge_job("j", seen, at(seconds), spec)


def counted(tests: int, failures: int = 0, errors: int = 0, skipped: int = 0, *failing: str) -> FilesSeen:
    counts = JUnitCounts(tests=tests, failures=failures, errors=errors, skipped=skipped, failing=list(failing))
    return FilesSeen(junit=counts)


def ended(exit_code: int = 0, **more: Any) -> PodSeen:
    return pod("j", exit_code=exit_code, hands_over=True, **more)


def test_a_job_goes_on_until_its_files_are_read() -> None:
    assert judge(ended()) is None
    assert judge(ended(1)) is None


@pytest.mark.parametrize(
    ("exit_code", "files", "state", "reason", "says"),
    [
        (0, counted(3), "Succeeded", "Completed", "exit code 0, 3 tests"),
        (0, counted(3, 0, 0, 1), "Succeeded", "Completed", "exit code 0, 3 tests, 1 skipped"),
        (0, counted(3, 1, 0, 0, "a"), "Failed", "TestsFailed", "1 of 3 tests failed: a"),
        (1, counted(9, 4, 2, 0, "a", "b"), "Failed", "TestsFailed", "6 of 9 tests failed: a, b and 4 more"),
        (2, counted(3), "Failed", "ExitCode", "exit code 2, though none of its 3 tests failed"),
        (0, counted(0), "Inconclusive", "NoTests", "no test ran"),
        (0, counted(3, 0, 0, 3), "Inconclusive", "NoTests", "no test ran (3 tests, 3 skipped)"),
        (0, FilesSeen(reason="JUnitMissing", message="none"), "Error", "JUnitMissing", "none (exit code 0)"),
        (1, FilesSeen(reason="JUnitUnreadable", message="bad"), "Error", "JUnitUnreadable", "bad (exit code 1)"),
    ],
)  # fmt: skip
def test_what_test_cases_mean(exit_code: int, files: FilesSeen, state: str, reason: str, says: str) -> None:
    outcome = judge(ended(exit_code), files)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (state, reason)
    assert says in outcome.message
    assert outcome.junit == files.junit


def test_files_do_not_matter_where_the_container_itself_is_an_error() -> None:
    outcome = judge(ended(137, ended_reason="OOMKilled"), counted(3))
    assert outcome is not None
    assert outcome.reason == "OOMKilled"


def test_a_pod_without_its_sidecar_proves_nothing() -> None:
    outcome = judge(pod("j", exit_code=0))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "JUnitMissing")


def test_files_are_not_asked_for_where_none_are_wanted() -> None:
    outcome = judge(ended(), spec=Job.model_validate({"image": "i"}))
    assert outcome is not None
    assert outcome.state is StepState.SUCCEEDED


def test_reading_files_has_its_own_time_beyond_the_steps() -> None:
    trial = Trial(scenario_spec(steps=[{"name": "j", "job": SPEC.to_kubernetes(), "timeout": "10s"}]))
    trial.turn()
    healthy = {"deployments": {"web": DeploymentSeen(current=True, ready=1)}}
    trial.turn(1, **healthy)
    trial.turn(2, **healthy, jobs={"j": JobSeen()})
    late = trial.turn(60, **healthy, jobs={"j": JobSeen()}, pods=(ended(),))
    assert trial.status.steps[0].state == "Running"
    assert late.activities.files == {"j-x1"}
    trial.turn(61, **healthy, jobs={"j": JobSeen()}, pods=(ended(),), files={"j-x1": counted(1)})
    assert trial.status.steps[0].state == "Succeeded"
    assert trial.status.steps[0].junit == JUnitCounts(tests=1)


def judge_tail(failed: PodSeen, tail: TailSeen | None, seconds: float) -> Outcome | None:
    tails = {failed.name: tail} if tail else {}
    return judge_job("j", Observed(pods=(failed,), jobs={"j": JobSeen()}, tails=tails), at(seconds))


def test_the_last_line_of_a_failed_container_is_in_its_message() -> None:
    failed = pod("j", exit_code=7, ended_at=NOW)
    assert judge_tail(failed, None, 1) is None
    outcome = judge_tail(failed, TailSeen(("starting", "no such table")), 1)
    assert outcome == Outcome(StepState.FAILED, "ExitCode", "exit code 7: no such table")


def test_a_log_is_not_waited_for_for_long() -> None:
    failed = pod("j", exit_code=7, ended_at=NOW)
    assert judge_tail(failed, None, 5) == Outcome(StepState.FAILED, "ExitCode", "exit code 7")
    # Nor is one of a node whose clock is ahead.
    assert judge_tail(pod("j", exit_code=7, ended_at=at(3600)), None, 1) is not None


def test_a_log_that_cannot_be_read_is_said_and_changes_nothing() -> None:
    outcome = judge_tail(pod("j", exit_code=7, ended_at=NOW), TailSeen(unreadable="pod not found"), 1)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.FAILED, "ExitCode")
    assert outcome.message == "exit code 7: (its log could not be read: pod not found)"


def test_a_crashing_services_last_line_is_in_its_message() -> None:
    trial = Trial(scenario_spec())
    trial.turn()
    crashed = pod("web", restarts=3, last_exit_code=1, waiting="CrashLoopBackOff")
    first = trial.turn(1, pods=(pod("web", restarts=1, last_exit_code=1),))
    assert first.activities.tails == {"web-x1"}
    trial.turn(30, pods=(crashed,), tails={"web-x1": TailSeen(("no config",), restarts=1)})
    assert trial.status.services[0].message.endswith("was restarted 3 times: no config")
