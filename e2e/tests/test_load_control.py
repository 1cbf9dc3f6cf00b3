"""Run control of load tests: turns, stops, runs anew, what is kept, and what the platform team allows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import ALLOWED_NAMESPACE, Run, Trials
from .test_load import load_test, target

#: Pausing users keep no schedule, so a busy node makes nothing late: these tests are about control, not about numbers.
SHORT: dict[str, Any] = {
    "requests": [],
    "flows": [{"name": "look", "thinkTime": "100ms", "steps": [{"path": "/stock/A1"}]}],
    "profile": {"users": 2, "duration": "2s"},
}
LONG: dict[str, Any] = {"profile": {"rate": 20, "duration": "5m"}}
PRIORITY: dict[str, Any] = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "seatrial-e2e"},
    "value": 7,
}


@pytest.fixture
def loaded(trials: Trials, kubectl: Run) -> Trials:
    """A namespace with the example's inventory."""
    target(trials, kubectl)
    return trials


@pytest.fixture
def elsewhere(kubectl: Run) -> Iterator[str]:
    """The namespace whose inventory the chart's values allow to all others."""
    kubectl("create", "namespace", ALLOWED_NAMESPACE)
    manifest = Path(__file__).parents[2] / "examples/load-target.yaml"
    kubectl("apply", "-n", ALLOWED_NAMESPACE, "--filename", str(manifest))
    kubectl("rollout", "status", "deployment/inventory", "-n", ALLOWED_NAMESPACE, "--timeout=60s")
    yield ALLOWED_NAMESPACE
    kubectl("delete", "namespace", ALLOWED_NAMESPACE, "--timeout=60s")


@pytest.fixture
def priority(kubectl: Run) -> Iterator[None]:
    """The priority class that the chart's values allow."""
    kubectl("apply", "--filename", "-", input=json.dumps(PRIORITY))
    yield
    kubectl("delete", "priorityclass", PRIORITY["metadata"]["name"])


def steer(kubectl: Run, trials: Trials, name: str, **fields: Any) -> None:
    patch = json.dumps({"spec": fields})
    kubectl("patch", "ldt", name, "-n", trials.namespace, "--type", "merge", "--patch", patch)


def status_of(trials: Trials, name: str) -> dict[str, Any]:
    found: dict[str, Any] = trials.get("ldt", name).get("status", {})
    return found


def reach(trials: Trials, name: str, phase: str) -> dict[str, Any]:
    trials.until(f"{name} is in phase {phase}", lambda: status_of(trials, name).get("phase") == phase)
    return status_of(trials, name)


def verdict(trials: Trials, name: str) -> tuple[str, str]:
    trials.until(f"{name} has a verdict", lambda: "verdict" in status_of(trials, name), 120)
    stored = trials.wait("ldt", name, "TornDown")
    trials.nothing_left(stored["metadata"]["uid"], timeout=10)
    return stored["status"]["verdict"], stored["status"]["reason"]


@pytest.mark.exclusive
def test_load_tests_of_one_target_take_turns_and_a_stop_makes_room(loaded: Trials, kubectl: Run) -> None:
    turns: dict[str, Any] = {"concurrency": {}}
    loaded.apply(load_test("first", **LONG, **turns))
    loaded.until("load", lambda: status_of(loaded, "first").get("result", {}).get("requests", 0) > 0)
    loaded.apply(load_test("second", **SHORT, **turns))
    queued = reach(loaded, "second", "Queued")
    assert (queued["queue"]["position"], queued["queue"]["behind"]) == (1, "LoadTest first")
    steer(kubectl, loaded, "first", stop="Immediate")
    assert verdict(loaded, "first") == ("Cancelled", "Stopped")
    assert verdict(loaded, "second") == ("Passed", "Completed")
    assert status_of(loaded, "second")["run"]["startedAt"] > status_of(loaded, "first")["run"]["finishedAt"]


def test_a_suspended_load_test_begins_when_it_is_resumed_and_again_with_a_new_token(
    loaded: Trials, kubectl: Run
) -> None:
    loaded.apply(load_test("paused", suspend=True, **SHORT))
    assert reach(loaded, "paused", "Queued")["reason"] == "Suspended"
    steer(kubectl, loaded, "paused", suspend=False)
    assert verdict(loaded, "paused") == ("Passed", "Completed")
    steer(kubectl, loaded, "paused", run="again", stop="Graceful")
    loaded.until("the second run is over", lambda: status_of(loaded, "paused")["run"]["id"] != "2", 20)
    assert verdict(loaded, "paused") == ("Cancelled", "Stopped")
    assert status_of(loaded, "paused")["history"][0]["verdict"] == "Passed"


def test_load_that_is_to_stop_gracefully_runs_to_its_end(loaded: Trials, kubectl: Run) -> None:
    loaded.apply(load_test("gentle", profile={"rate": 20, "duration": "5s"}))
    loaded.until("load", lambda: status_of(loaded, "gentle").get("result", {}).get("requests", 0) > 0)
    steer(kubectl, loaded, "gentle", stop="Graceful")
    assert verdict(loaded, "gentle") == ("Cancelled", "Stopped")
    assert status_of(loaded, "gentle")["result"]["requests"] == 100


def test_workers_of_a_load_that_failed_are_kept_with_their_logs(loaded: Trials, kubectl: Run) -> None:
    never = [{"expr": "latency.p50 < duration('1us')"}]
    loaded.apply(load_test("kept", **SHORT, thresholds=never, retain={"when": "OnFailure", "timeout": "10m"}))
    status = loaded.wait("ldt", "kept")["status"]
    assert (status["phase"], status["verdict"]) == ("Retained", "Failed")
    look = status["message"].partition(": kubectl ")[2].rstrip(")").split()
    assert '"state":"final"' in kubectl(*look).stdout
    steer(kubectl, loaded, "kept", retain={"when": "Never"})
    assert verdict(loaded, "kept") == ("Failed", "ThresholdMissed")


@pytest.mark.usefixtures("priority")
def test_what_the_platform_team_allows_is_done_and_nothing_else(trials: Trials, kubectl: Run, elsewhere: str) -> None:
    allowed = {
        "priorityClassName": "seatrial-e2e",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "seatrial-e2e", "value": "load", "effect": "NoSchedule"}],
    }
    there = {"service": "inventory", "namespace": elsewhere}
    trials.apply(load_test("allowed", target=there, placement=allowed, **SHORT))
    trials.apply(load_test("cache", target=there | {"service": "cache"}, **SHORT))
    trials.apply(load_test("critical", target=there, placement={"priorityClassName": "system-node-critical"}, **SHORT))
    pods: list[dict[str, Any]] = []

    def worker() -> bool:
        found = json.loads(kubectl("get", "pods", "-n", trials.namespace, "--output", "json").stdout)["items"]
        pods.extend(found)
        return bool(found) or "verdict" in status_of(trials, "allowed")

    trials.until("the worker's pod", worker)
    assert verdict(trials, "allowed") == ("Passed", "Completed"), status_of(trials, "allowed")
    spec = pods[0]["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("seatrial-e2e", 7)
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert "seatrial-e2e" in [toleration["key"] for toleration in spec["tolerations"]]
    assert verdict(trials, "cache") == ("Error", "TargetNotAllowed")
    assert verdict(trials, "critical") == ("Error", "PlacementNotAllowed")
    assert "placement.priorityClassName: 'system-node-critical'" in status_of(trials, "critical")["message"]
