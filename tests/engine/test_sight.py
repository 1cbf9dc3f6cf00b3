"""Objects as real clusters show them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.api import names
from seatrial.api.timestamp import moment
from seatrial.engine.sight import see_deployment, see_job, see_namespace, see_pod

Object = dict[str, Any]
CREATED = "2026-11-22T10:00:00Z"


def pod(status: Object, *, labels: Object | None = None, **metadata: Any) -> Object:
    return {
        "metadata": {
            "name": "web-5c9f-abcde",
            "creationTimestamp": CREATED,
            "labels": labels if labels is not None else {names.SERVICE: "web"},
            **metadata,
        },
        "status": status,
    }


def container(state: Object, **more: Any) -> Object:
    return {"containerStatuses": [{"name": "web", "restartCount": 0, "state": state, **more}]}


def test_a_pod_right_after_its_creation() -> None:
    seen = see_pod(pod({}))
    assert (seen.name, seen.owner, seen.created) == ("web-5c9f-abcde", "web", datetime(2026, 11, 22, 10, tzinfo=UTC))
    assert not seen.running
    assert not seen.ready
    assert (seen.index, seen.exit_code, seen.waiting, seen.disruption) == (None, None, "", "")


def test_a_running_pod_is_ready_when_its_condition_says_so() -> None:
    status = container({"running": {"startedAt": CREATED}}) | {"conditions": [{"type": "Ready", "status": "False"}]}
    assert see_pod(pod(status)).running
    assert not see_pod(pod(status)).ready
    status["conditions"] = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]
    assert see_pod(pod(status)).ready


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"]
)
def test_a_container_that_waits_says_why(reason: str) -> None:
    message = 'failed to pull image "web:nope": not found'
    seen = see_pod(pod(container({"waiting": {"reason": reason, "message": message}})))
    assert (seen.waiting, seen.waiting_message) == (reason, message)


def test_a_container_that_has_ended() -> None:
    ended = {"exitCode": 3, "reason": "Error", "message": "last line\n of the log"}
    seen = see_pod(pod(container({"terminated": ended}), labels={names.STEP: "seed"}))
    assert (seen.owner, seen.exit_code, seen.ended_reason) == ("seed", 3, "Error")
    assert seen.waiting_message == "last line of the log"


def test_exit_code_zero_is_an_exit_code() -> None:
    assert see_pod(pod(container({"terminated": {"exitCode": 0, "reason": "Completed"}}))).exit_code == 0


def test_a_container_that_was_killed_for_its_memory() -> None:
    seen = see_pod(pod(container({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})))
    assert (seen.exit_code, seen.ended_reason) == (137, "OOMKilled")


def test_a_crash_loop() -> None:
    status = container(
        {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        lastState={"terminated": {"exitCode": 1, "reason": "Error", "message": "no such table"}},
        restartCount=3,
    )
    seen = see_pod(pod(status))
    assert (seen.waiting, seen.restarts, seen.last_exit_code, seen.last_ended_reason) == (
        "CrashLoopBackOff",
        3,
        1,
        "Error",
    )
    assert seen.exit_code is None  # it has not ended for good


def test_an_unschedulable_pod() -> None:
    message = "0/3 nodes are available: 3 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    assert see_pod(pod({"conditions": [condition]})).unschedulable == message


@pytest.mark.parametrize(
    ("reason", "seen"),
    [
        ("PreemptionByScheduler", "Preempted"),
        ("DeletionByTaintManager", "NodeLost"),
        ("EvictionByEvictionAPI", "Evicted"),
        ("DeletionByPodGC", "NodeLost"),
        ("TerminationByKubelet", "Evicted"),
        ("SomethingNew", "Disrupted"),
    ],
)
def test_a_pod_that_was_taken_away(reason: str, seen: str) -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    assert see_pod(pod({"conditions": [condition]})).disruption == seen


def test_a_disruption_that_did_not_happen_is_none() -> None:
    condition = {"type": "DisruptionTarget", "status": "False", "reason": "EvictionByEvictionAPI"}
    assert see_pod(pod({"conditions": [condition]})).disruption == ""


@pytest.mark.parametrize("reason", ["Evicted", "NodeLost", "NodeShutdown", "OutOfcpu", "UnexpectedAdmissionError"])
def test_a_pod_that_says_itself_that_it_was_taken_away(reason: str) -> None:
    # As the kubelet writes it: no container statuses at all.
    assert (
        see_pod(pod({"phase": "Failed", "reason": reason, "message": "The node was low on memory"})).disruption
        == reason
    )


def test_other_reasons_of_a_pod_are_no_disruption() -> None:
    assert see_pod(pod({"phase": "Failed", "reason": "DeadlineExceeded"})).disruption == ""


def test_a_worker_of_an_indexed_job() -> None:
    labels = {names.STEP: "peak", "batch.kubernetes.io/job-completion-index": "0"}
    assert see_pod(pod({}, labels=labels)).index == 0


def test_a_pod_that_is_going() -> None:
    seen = see_pod(pod({}, deletionTimestamp="2026-11-22T10:00:05Z"))
    assert seen.deleting_since == datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
    assert see_pod(pod({}, deletionTimestamp="now")).deleting_since is not None


def test_a_pod_of_nobody() -> None:
    assert see_pod({"metadata": {"name": "p", "creationTimestamp": CREATED}}).owner == ""


def deployment(status: Object | None, generation: int = 1) -> Object:
    return {"metadata": {"name": "web", "generation": generation}, "status": status}


def test_a_deployment_counts_only_once_its_status_is_about_its_spec() -> None:
    assert not see_deployment(deployment(None)).current
    assert not see_deployment(deployment({"observedGeneration": 1, "availableReplicas": 2}, generation=2)).current
    seen = see_deployment(deployment({"observedGeneration": 2, "availableReplicas": 2}, generation=2))
    assert (seen.current, seen.ready, seen.refusal) == (True, 2, "")


def test_a_deployment_whose_pods_are_refused() -> None:
    message = 'pods "web-5c9f-" is forbidden: exceeded quota: seatrial, requested: pods=1'
    conditions = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]
    assert see_deployment(deployment({"conditions": conditions})).refusal == message


def test_jobs() -> None:
    metadata = {"uid": "j"}
    assert see_job({"metadata": metadata, "status": None}).complete is False
    done = see_job({"metadata": metadata, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    assert (done.complete, done.failed) == (True, False)
    condition = {"status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer than deadline"}
    for kind in ("Failed", "FailureTarget"):
        failed = see_job({"metadata": metadata, "status": {"conditions": [{"type": kind, **condition}]}})
        assert (failed.failed, failed.reason) == (True, "DeadlineExceeded")
        assert failed.message == "Job was active longer than deadline"


def test_a_job_without_pods_says_why_once_that_is_known() -> None:
    assert see_job({"metadata": {"uid": "j"}}, {"j": "its pods are refused: quota"}).refusal.endswith("quota")
    assert see_job({"metadata": {"uid": "j"}}, {"k": "its pods are refused: quota"}).refusal == ""


def test_namespaces() -> None:
    name = names.environment_namespace("a", "mine", "1")
    body: Object = {
        "metadata": {
            "name": name,
            "uid": "n",
            "labels": names.labels("mine", "1"),
            "annotations": names.owner("TestScenario", "shop", "a"),
        }
    }
    seen = see_namespace(body, "mine")
    assert (seen.name, seen.uid, seen.ours, seen.terminating, seen.remarks) == (name, "n", True, False, ())
    assert not seen.record
    assert not see_namespace(body, "other").ours
    assert see_namespace({"metadata": body["metadata"] | {"namespace": "shop"}}, "mine").record
    assert not see_namespace({"metadata": {"name": "x", "uid": "n"}}, "mine").ours


def test_a_namespace_that_cannot_go_says_why() -> None:
    remaining = {
        "type": "NamespaceContentRemaining",
        "status": "True",
        "lastTransitionTime": CREATED,
        "message": "Some resources are remaining: pods. has 1 resource instances",
    }
    fine = {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered"}
    body = {
        "metadata": {"name": "n", "uid": "u", "deletionTimestamp": CREATED},
        "status": {"phase": "Terminating", "conditions": [remaining, fine]},
    }
    seen = see_namespace(body, "x")
    assert seen.terminating
    assert [(remark.kind, remark.message) for remark in seen.remarks] == [
        ("NamespaceContentRemaining", "Some resources are remaining: pods. has 1 resource instances")
    ]
    assert [remark.since for remark in seen.remarks] == [moment(CREATED)]
