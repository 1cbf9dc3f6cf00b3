"""Faults in the middle of a run: whatever happens, the verdict is right and nothing is left behind."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import DEPLOYMENT, RELEASE_NAMESPACE, Run, Trials
from .manifests import REDIS, scenario


def phase_of(trials: Trials, name: str) -> str:
    return str(trials.get("tscn", name).get("status", {}).get("phase", ""))


def reach(trials: Trials, name: str, phase: str) -> None:
    trials.until(f"{name} is in phase {phase}", lambda: phase_of(trials, name) == phase)


def kill_operator(kubectl: Run) -> None:
    """Kills the operator's process with SIGKILL where it can be seen from here, else its pod without grace.

    A process that has been killed before is restarted later each time (10 s, 20 s, ...), another pod at once.
    """
    selector = ("-n", RELEASE_NAMESPACE, "-l", "app.kubernetes.io/name=seatrial")
    restarts = kubectl("get", "pods", *selector, "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}")
    if restarts.stdout != "0" or not _kill_process():
        kubectl("delete", "pod", *selector, "--grace-period=0", "--force")


def _kill_process() -> bool:
    killed = False
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"operator" in words and b"/opt/seatrial/bin/seatrial" in words:
            os.kill(int(folder.name), signal.SIGKILL)
            killed = True
    return killed


@pytest.mark.parametrize("phase", ["Provisioning", "Running", "Teardown"])
def test_deleting_the_resource_in_the_middle_leaves_nothing(trials: Trials, kubectl: Run, phase: str) -> None:
    trials.apply(scenario("deleted", teardown=[{"name": "bye", "job": {"image": REDIS, "command": ["sleep", "2"]}}]))
    reach(trials, "deleted", phase)
    uid = trials.get("tscn", "deleted")["metadata"]["uid"]
    kubectl("delete", "tscn", "deleted", "-n", trials.namespace, "--timeout=60s")
    trials.nothing_left(uid, timeout=5)


@pytest.mark.exclusive
@pytest.mark.parametrize("phase", ["Provisioning", "Running", "Teardown"])
def test_killing_the_operator_in_the_middle_changes_nothing(trials: Trials, kubectl: Run, phase: str) -> None:
    trials.apply(scenario("survivor"))
    reach(trials, "survivor", phase)
    kill_operator(kubectl)
    stored = trials.wait("tscn", "survivor", "TornDown")
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Passed", "AllStepsSucceeded")
    assert [step["attempts"] for step in stored["status"]["steps"]] == [1]
    assert stored["status"]["run"]["id"] == "1"
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)
    kubectl("rollout", "status", DEPLOYMENT, "-n", RELEASE_NAMESPACE, "--timeout=60s")


def test_an_environment_that_somebody_deletes_is_an_error(trials: Trials, kubectl: Run) -> None:
    trials.apply(scenario("robbed"))
    reach(trials, "robbed", "Running")
    namespace = trials.get("tscn", "robbed")["status"]["run"]["namespace"]
    kubectl("delete", "namespace", namespace, "--wait=false")
    stored = trials.wait("tscn", "robbed", "TornDown")
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Error", "EnvironmentLost")
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)


def test_a_pod_that_no_node_takes_is_an_error_that_says_why(trials: Trials) -> None:
    # Within the environment's quota, and beyond what a node of a test cluster has.
    resources = {"requests": {"cpu": "15", "memory": "30Gi"}, "limits": {"cpu": "15", "memory": "30Gi"}}
    greedy = {"name": "web", "image": REDIS, "resources": resources, "ready": {"timeout": "5m"}}
    trials.apply(scenario("greedy", environment={"services": [greedy]}, steps=[]))
    stored = trials.wait("tscn", "greedy", "TornDown")
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Error", "Unschedulable")
    assert "Insufficient" in stored["status"]["message"]
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)


def test_changing_the_spec_cancels_the_run_and_starts_another(trials: Trials) -> None:
    trials.apply(scenario("edited"))
    reach(trials, "edited", "Running")
    trials.apply(scenario("edited", run="again"))

    def second_run_ended() -> bool:
        status = trials.get("tscn", "edited")["status"]
        return bool(status["run"]["generation"] == 2 and status.get("verdict"))

    trials.until("the second run ends", second_run_ended)
    stored = trials.wait("tscn", "edited", "TornDown")
    assert stored["status"]["verdict"] == "Passed"
    past = stored["status"]["history"][0]
    assert (past["id"], past["verdict"], past["reason"]) == ("1", "Cancelled", "SpecChanged")
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)


@pytest.mark.exclusive
def test_an_idle_resource_can_be_deleted_without_an_operator(trials: Trials, kubectl: Run) -> None:
    trials.apply(scenario("idle", steps=[]))
    trials.wait("tscn", "idle", "TornDown")
    trials.until("the finalizer is off", lambda: "finalizers" not in trials.get("tscn", "idle")["metadata"], 10)
    where = ("-n", RELEASE_NAMESPACE)
    kubectl("scale", DEPLOYMENT, "--replicas=0", *where)
    try:
        kubectl("delete", "tscn", "idle", "-n", trials.namespace, "--timeout=10s")
    finally:
        kubectl("scale", DEPLOYMENT, "--replicas=1", *where)
        kubectl("rollout", "status", DEPLOYMENT, *where, "--timeout=60s")


def _condition(stored: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in stored["status"]["conditions"] if row["type"] == name)


INVALID = [
    (
        {
            "steps": [
                {"name": "a", "needs": [{"step": "b"}], "job": {"image": REDIS}},
                {"name": "b", "needs": [{"step": "a"}], "job": {"image": REDIS}},
            ]
        },
        ["spec.steps", "a -> b -> a", "take one needs out"],
    ),
    (
        {"steps": [{"name": "a", "http": {"service": "cache"}, "expect": ["response.stat == 200"]}]},
        ["spec.steps[0].expect[0]", "response.stat == 200", "did you mean 'response.status'?"],
    ),
    (
        {"steps": [{"name": "a", "http": {"service": "cache"}, "expect": ["response.status =="]}]},
        ["spec.steps[0].expect[0]", "Syntax error"],
    ),
]


@pytest.mark.parametrize(("wrong", "words"), INVALID, ids=["cycle", "unknown-variable", "syntax"])
def test_a_mistake_is_named_and_fixing_it_recovers(trials: Trials, wrong: dict[str, Any], words: list[str]) -> None:
    trials.apply(scenario("mistaken", **wrong))
    stored = trials.wait("tscn", "mistaken", "Stalled", timeout=10)
    condition = _condition(stored, "Stalled")
    assert condition["reason"] == "InvalidSpec"
    for word in words:
        assert word in condition["message"]
    assert _condition(stored, "Complete")["status"] == "True"
    assert trials.leftovers(stored["metadata"]["uid"]) == []
    trials.apply(scenario("mistaken", steps=[]))
    stored = trials.wait("tscn", "mistaken", "Ready")
    assert stored["status"]["verdict"] == "Passed"
    assert _condition(stored, "Stalled")["status"] == "False"


def test_waiting_for_complete_returns_on_every_end(trials: Trials) -> None:
    failing = {"name": "fail", "job": {"image": REDIS, "command": ["sh", "-c", "exit 3"]}}
    broken = {"name": "broken", "job": {"image": REDIS, "command": ["/no/such/program"]}}
    ends = {"passed": [], "failed": [failing], "errored": [broken]}
    for name, steps in ends.items():
        trials.apply(scenario(name, steps=steps))
    found = {name: trials.wait("tscn", name)["status"] for name in ends}
    assert {name: status["verdict"] for name, status in found.items()} == {
        "passed": "Passed",
        "failed": "Failed",
        "errored": "Error",
    }
    assert found["failed"]["steps"][0]["message"] == "exit code 3"
    assert found["errored"]["reason"] == "ContainerCannotRun"
    for name in ends:
        trials.nothing_left(trials.wait("tscn", name, "TornDown")["metadata"]["uid"], timeout=2)


def test_the_environment_is_guarded(trials: Trials, kubectl: Run) -> None:
    trials.apply(scenario("guarded"))
    reach(trials, "guarded", "Running")
    namespace = trials.get("tscn", "guarded")["status"]["run"]["namespace"]
    labels = json.loads(kubectl("get", "namespace", namespace, "-o", "json").stdout)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    kinds = "resourcequota,limitrange,networkpolicy"
    assert len(kubectl("get", kinds, "-n", namespace, "-o", "name").stdout.split()) == 3
    pods = json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json").stdout)["items"]
    assert pods
    assert {pod["spec"].get("automountServiceAccountToken") for pod in pods} == {False}
    privileged = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}}
    privileged["spec"] = {"hostNetwork": True, "containers": [{"name": "x", "image": REDIS}]}
    refused = kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(privileged), check=False)
    assert "violates PodSecurity" in refused.stderr


@pytest.mark.exclusive(first=True)
def test_the_operator_logs_no_traceback(kubectl: Run) -> None:
    log: subprocess.CompletedProcess[str] = kubectl("logs", DEPLOYMENT, "-n", RELEASE_NAMESPACE, "--tail=-1")
    lines = [json.loads(line) for line in log.stdout.splitlines()]
    assert lines
    assert [line for line in lines if line["severity"] in {"error", "fatal"}] == []
