"""Several workers: they begin together, and whatever becomes of one of them, the verdict is honest."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import DEPLOYMENT, RELEASE, RELEASE_NAMESPACE, Run, Trials
from .test_faults import kill_operator
from .test_load import load_test, target

ANSWERED = [{"expr": "errors.rate < 0.01"}]
THREE: dict[str, Any] = {
    "workers": 3,
    "profile": {"rate": 60, "duration": "5s", "warmup": "1s"},
    "thresholds": ANSWERED,
}
#: What of their CPU the machine can spare is not the subject here.
SMALL = {"resources": {"requests": {"cpu": "10m", "memory": "48Mi"}}}


@pytest.fixture
def loaded(trials: Trials, kubectl: Run) -> Trials:
    """A namespace with the example's inventory."""
    target(trials, kubectl)
    return trials


@pytest.fixture
def cordoned(kubectl: Run) -> Iterator[str]:
    """The node, which takes no new pods meanwhile."""
    node = kubectl("get", "nodes", "--output", "jsonpath={.items[0].metadata.name}").stdout
    yield node
    kubectl("uncordon", node)


@pytest.fixture
def unreadable(kubectl: Run) -> Iterator[None]:
    """The operator may read no logs meanwhile."""
    role = f"clusterrole/{RELEASE_NAMESPACE}:{RELEASE}"
    before = json.loads(kubectl("get", role, "--output", "json").stdout)
    rules = [rule for rule in before["rules"] if "pods/log" not in rule["resources"]]
    assert rules != before["rules"]
    kubectl("patch", role, "--type", "merge", "--patch", json.dumps({"rules": rules}))
    yield
    kubectl("patch", role, "--type", "merge", "--patch", json.dumps({"rules": before["rules"]}))


def workers(trials: Trials, kubectl: Run, uid: str) -> list[dict[str, Any]]:
    where = ("-n", trials.namespace, "--selector", f"seatrial.dev/uid={uid}", "--output", "json")
    found: list[dict[str, Any]] = json.loads(kubectl("get", "pods", *where).stdout)["items"]
    return found


def moments(trials: Trials, kubectl: Run, uid: str) -> list[str]:
    """When workers were told to begin, of those that were."""
    told = [pod["metadata"]["annotations"]["seatrial.dev/start"] for pod in workers(trials, kubectl, uid)]
    return [moment for moment in told if moment]


def uid_of(trials: Trials, name: str) -> str:
    return str(trials.get("ldt", name)["metadata"]["uid"])


def under_way(trials: Trials, name: str) -> None:
    """Waits until all workers of a load measure."""

    def counting() -> bool:
        result = trials.get("ldt", name).get("status", {}).get("result", {})
        return bool(result.get("requests") and result.get("workersReporting") == result["workers"])

    trials.until("requests of all workers are counted", counting)


def verdict(trials: Trials, name: str) -> tuple[str, str]:
    stored = trials.wait("ldt", name, "TornDown")
    trials.nothing_left(stored["metadata"]["uid"], timeout=15)
    return stored["status"]["verdict"], stored["status"]["reason"]


@pytest.mark.exclusive
def test_workers_begin_at_one_moment_and_their_skew_is_measured(loaded: Trials, kubectl: Run) -> None:
    loaded.apply(load_test("together", **THREE, **SMALL))
    under_way(loaded, "together")
    told = moments(loaded, kubectl, uid_of(loaded, "together"))
    assert len(told) == 3
    assert len(set(told)) == 1
    assert verdict(loaded, "together") == ("Passed", "ThresholdsMet")
    result = loaded.get("ldt", "together")["status"]["result"]
    assert (result["requests"], result["workersFinished"]) == (300, 3)
    assert 0 <= result["generator"]["startSkewMilliseconds"] < 250


def test_the_operator_may_patch_nothing_of_pods_but_the_moment(loaded: Trials, kubectl: Run) -> None:
    where = ("-n", loaded.namespace, "--selector", "app=inventory")
    pod = json.loads(kubectl("get", "pods", *where, "--output", "json").stdout)["items"][0]
    container = pod["spec"]["containers"][0] | {"image": "other"}
    operator = f"--as=system:serviceaccount:{RELEASE_NAMESPACE}:seatrial"
    change = ("pod", pod["metadata"]["name"], "-n", loaded.namespace, operator, "--type", "merge", "--patch")
    for patch in (
        {"metadata": {"annotations": {"seatrial.dev/start": "2026-01-01T00:00:00Z"}}},
        {"spec": {"containers": [container]}},
    ):
        refused = kubectl("patch", *change, json.dumps(patch), check=False)
        assert refused.returncode
        assert "the operator may" in refused.stderr


@pytest.mark.exclusive
def test_an_operator_that_is_killed_before_all_are_ready_begins_the_load_afterwards(
    loaded: Trials, kubectl: Run
) -> None:
    loaded.apply(load_test("before", **THREE, **SMALL))
    uid = uid_of(loaded, "before")
    loaded.until("a worker's pod", lambda: len(workers(loaded, kubectl, uid)) > 0, 30)
    kill_operator(kubectl)
    assert verdict(loaded, "before") == ("Passed", "ThresholdsMet")
    assert loaded.get("ldt", "before")["status"]["result"]["requests"] == 300
    kubectl("rollout", "status", DEPLOYMENT, "-n", RELEASE_NAMESPACE, "--timeout=60s")


@pytest.mark.exclusive
def test_an_operator_that_is_killed_during_load_finds_the_numbers_of_all_workers(loaded: Trials, kubectl: Run) -> None:
    loaded.apply(load_test("during", **THREE, **SMALL))
    under_way(loaded, "during")
    kill_operator(kubectl)
    assert verdict(loaded, "during") == ("Passed", "ThresholdsMet")
    result = loaded.get("ldt", "during")["status"]["result"]
    assert (result["requests"], result["generator"]["startSkewMilliseconds"] < 250) == (300, True)
    kubectl("rollout", "status", DEPLOYMENT, "-n", RELEASE_NAMESPACE, "--timeout=60s")


@pytest.mark.parametrize("force", [False, True])
def test_a_worker_that_somebody_deletes_is_lost(loaded: Trials, kubectl: Run, force: bool) -> None:
    loaded.apply(load_test("robbed", **THREE | {"profile": {"rate": 60, "duration": "5m"}}, **SMALL))
    under_way(loaded, "robbed")
    pods = workers(loaded, kubectl, uid_of(loaded, "robbed"))
    second = next(
        pod["metadata"]["name"]
        for pod in pods
        if pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == "1"
    )
    at_once = ("--grace-period=0", "--force") if force else ()
    kubectl("delete", "pod", second, "-n", loaded.namespace, "--wait=false", *at_once)
    assert verdict(loaded, "robbed") == ("Inconclusive", "WorkerLost")
    assert "worker 1" in loaded.get("ldt", "robbed")["status"]["message"]


@pytest.mark.exclusive
def test_workers_of_a_drained_node_are_lost(loaded: Trials, kubectl: Run, cordoned: str) -> None:
    loaded.apply(load_test("drained", **THREE | {"profile": {"rate": 60, "duration": "5m"}}, **SMALL))
    under_way(loaded, "drained")
    kubectl("cordon", cordoned)
    uid = uid_of(loaded, "drained")
    selector = f"seatrial.dev/uid={uid}"
    kubectl("drain", cordoned, "--pod-selector", selector, "--ignore-daemonsets", "--force", "--timeout=60s")
    kubectl("uncordon", cordoned)
    assert verdict(loaded, "drained") == ("Inconclusive", "WorkerLost")
    assert "Evicted" in loaded.get("ldt", "drained")["status"]["message"]


@pytest.mark.exclusive
@pytest.mark.usefixtures("unreadable")
def test_load_whose_logs_cannot_be_read_proves_nothing(loaded: Trials) -> None:
    loaded.apply(load_test("mute", **THREE, **SMALL))
    assert verdict(loaded, "mute") == ("Inconclusive", "WorkerLost")
    message = loaded.get("ldt", "mute")["status"]["message"]
    assert "pods/log" in message
    assert "forbidden" in message


def test_a_target_that_goes_in_the_middle_fails_by_its_errors(loaded: Trials, kubectl: Run) -> None:
    profile = {"rate": 60, "duration": "8s"}
    loaded.apply(load_test("gone", **THREE | {"profile": profile}, requestTimeout="1s", **SMALL))
    under_way(loaded, "gone")
    kubectl("delete", "service/inventory", "deployment/inventory", "-n", loaded.namespace, "--wait=false")
    assert verdict(loaded, "gone") == ("Failed", "ThresholdMissed")
    result = loaded.get("ldt", "gone")["status"]["result"]
    assert result["errors"] == sum(kind["count"] for kind in result["errorsByKind"]) > 0


def test_workers_that_a_quota_refuses_do_not_start(loaded: Trials, kubectl: Run) -> None:
    # Two pods are the target's, so that there is room for one worker of three.
    kubectl("create", "quota", "few", "--hard=pods=3", "-n", loaded.namespace)
    loaded.until("the quota counts", lambda: "used" in loaded.get("quota", "few")["status"], 10)
    loaded.apply(load_test("refused", **THREE, timeouts={"start": "8s"}, **SMALL))
    assert verdict(loaded, "refused") == ("TimedOut", "StartTimeout")
    assert "exceeded quota" in loaded.get("ldt", "refused")["status"]["message"]
