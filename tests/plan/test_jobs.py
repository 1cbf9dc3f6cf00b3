"""A Job is judged by its ended container, never by an absence."""

from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.plan.jobs import judge_job, waits_for
from seatrial.plan.observed import JobSeen, Observed, PodSeen
from tests.plan.situations import NOW, at, pod


def judge(*pods: PodSeen, job: JobSeen | None = JobSeen(), seconds: float = 1, **seen: Any) -> Outcome | None:  # noqa: B008 - frozen
    return judge_job("j", Observed(pods=pods, jobs={"j": job} if job else {}, **seen), at(seconds))


def test_it_goes_on_while_nothing_has_ended() -> None:
    assert judge() is None
    assert judge(pod("j", running=True)) is None


def test_exit_code_0_is_success() -> None:
    assert judge(pod("j", exit_code=0)) == Outcome(StepState.SUCCEEDED, "Completed", "exit code 0")


def test_any_other_exit_code_is_failure() -> None:
    assert judge(pod("j", exit_code=3)) == Outcome(StepState.FAILED, "ExitCode", "exit code 3")


@pytest.mark.parametrize(
    ("ended", "reason", "says"),
    [
        (pod("j", exit_code=137, ended_reason="OOMKilled"), "OOMKilled", "raise resources.limits"),
        (pod("j", exit_code=128, ended_reason="StartError", waiting_message="why"), "ContainerCannotRun", "why"),
        (pod("j", exit_code=127, ended_reason="ContainerCannotRun"), "ContainerCannotRun", "could not start"),
        (pod("j", exit_code=137, disruption="Evicted"), "Evicted", "was taken away: Evicted"),
        (pod("j", exit_code=0, disruption="Preempted"), "Preempted", "was taken away: Preempted"),
        (pod("j", exit_code=0, deleting_since=NOW), "PodDeleted", "deleted by somebody else"),
    ],
)  # fmt: skip
def test_what_is_not_the_containers_own_doing_is_an_error(ended: PodSeen, reason: str, says: str) -> None:
    outcome = judge(ended)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, reason)
    assert says in outcome.message


def test_an_eviction_before_the_container_started_is_named() -> None:
    outcome = judge(pod("j", disruption="Evicted"), job=JobSeen(failed=True, reason="BackoffLimitExceeded"))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "Evicted")


@pytest.mark.parametrize("job", [JobSeen(complete=True), JobSeen(failed=True)])
def test_a_lost_pod_is_an_error_even_of_a_complete_job(job: JobSeen) -> None:
    outcome = judge(job=job)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "PodLost")
    assert outcome.message == "its pod is gone, so its exit code is unknown"


def test_a_lost_pod_is_told_in_kubernetes_words_where_it_has_some() -> None:
    outcome = judge(job=JobSeen(failed=True, reason="DeadlineExceeded", message="Job was active too long"))
    assert outcome is not None
    assert outcome.message == "DeadlineExceeded: Job was active too long"


@pytest.mark.parametrize("job", [JobSeen(complete=True), JobSeen(failed=True)])
def test_a_job_that_tells_its_end_before_its_pod_does_is_waited_for(job: JobSeen) -> None:
    assert judge(pod("j", running=True), job=job) is None


def test_a_job_that_somebody_deleted_is_an_error() -> None:
    outcome = judge(pod("j", running=True), job=None)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "JobLost")


def test_a_refusal_is_an_error_in_the_api_servers_words() -> None:
    outcome = judge(job=None, refusals={"StartJob/j": "exceeded quota"})
    assert outcome == Outcome(StepState.ERROR, "Refused", "exceeded quota")


def test_an_image_that_cannot_be_pulled_is_an_error_after_some_patience() -> None:
    pulling = pod("j", waiting="ErrImagePull", waiting_message="manifest unknown")
    assert judge(pulling, seconds=14) is None
    outcome = judge(pulling, seconds=15)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.ERROR, "ImagePullFailed")
    assert "manifest unknown" in outcome.message


def test_what_it_waits_for_is_said() -> None:
    refused = Observed(jobs={"j": JobSeen(refusal="exceeded quota")})
    assert waits_for("j", refused, NOW) == "exceeded quota"
    unschedulable = Observed(jobs={"j": JobSeen()}, pods=(pod("j", unschedulable="no nodes"),))
    assert waits_for("j", unschedulable, NOW) == "pod j-x1: no nodes"
    assert waits_for("j", Observed(pods=(pod("j", running=True),)), NOW) == ""
