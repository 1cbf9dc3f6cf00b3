"""Taking away on a real cluster: named blockers, orphans, trials beside their resource, and things of others."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import DEPLOYMENT, RELEASE_NAMESPACE, Run, Trials
from .manifests import CACHE, REDIS, scenario, sleeping

ROOT = Path(__file__).parents[2]
HOLD = "example.com/hold"
KINDS = "configmaps,services,deployments,replicasets,jobs,pods,resourcequotas,limitranges,networkpolicies"


def trial(name: str, seconds: int = 3, **environment: Any) -> dict[str, Any]:
    """A Redis, and a Job that sleeps."""
    return scenario(name, environment={"services": [CACHE]} | environment, steps=[sleeping(seconds)])


def torn_down(trials: Trials, name: str) -> dict[str, str]:
    conditions = trials.get("tscn", name).get("status", {}).get("conditions", [])
    return next((row for row in conditions if row["type"] == "TornDown"), {"reason": "", "message": ""})


def running(trials: Trials, name: str) -> bool:
    return bool(trials.get("tscn", name).get("status", {}).get("phase") == "Running")


def test_a_finalizer_that_blocks_is_named_and_waited_for(trials: Trials, kubectl: Run) -> None:
    trials.apply(trial("held"))
    trials.until("held is running", lambda: running(trials, "held"))
    stored = trials.get("tscn", "held")
    where = ("-n", stored["status"]["run"]["namespace"])
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "finalizers": [HOLD]}}
    kubectl("apply", *where, "-f", "-", input=json.dumps(held))
    assert trials.wait("tscn", "held")["status"]["verdict"] == "Passed"
    trials.until("the blocker is named", lambda: torn_down(trials, "held")["reason"] == "Blocked", 40)
    said = torn_down(trials, "held")["message"]
    assert HOLD in said
    assert "configmaps" in said
    kubectl("patch", "configmap", "theirs", *where, "--type=merge", '--patch={"metadata":{"finalizers":null}}')
    trials.wait("tscn", "held", "TornDown", timeout=30)
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)


@pytest.mark.exclusive
def test_what_a_forced_deletion_leaves_behind_is_swept_up(trials: Trials, kubectl: Run) -> None:
    names = {"orphan": trial("orphan", 600), "orphan-same": trial("orphan-same", 600, namespace="Same")}
    for manifest in names.values():
        trials.apply(manifest)
    trials.until("both are running", lambda: all(running(trials, name) for name in names))
    uids = [trials.get("tscn", name)["metadata"]["uid"] for name in names]
    kubectl("create", "configmap", "mine", "-n", trials.namespace)
    # A person's own thing, with our label and nothing else of ours.
    kubectl("label", "configmap", "mine", "-n", trials.namespace, f"seatrial.dev/uid={uids[0]}")
    where = ("-n", RELEASE_NAMESPACE)
    kubectl("scale", DEPLOYMENT, "--replicas=0", *where)
    try:
        kubectl("wait", "pod", "--for=delete", "-l", "app.kubernetes.io/name=seatrial", *where, "--timeout=60s")
        for name in names:
            patch = '--patch={"metadata":{"finalizers":null}}'
            kubectl("patch", "tscn", name, "-n", trials.namespace, "--type=merge", patch)
            kubectl("delete", "tscn", name, "-n", trials.namespace, "--timeout=10s")
        assert all(trials.leftovers(uid) for uid in uids)
    finally:
        kubectl("scale", DEPLOYMENT, "--replicas=1", *where)
        kubectl("rollout", "status", DEPLOYMENT, *where, "--timeout=60s")
    trials.until("its own are gone", lambda: trials.leftovers(uids[0]) == ["configmap/mine"], 60)
    trials.nothing_left(uids[1], timeout=30)
    kubectl("get", "configmap", "mine", "-n", trials.namespace)
    log = kubectl("logs", DEPLOYMENT, *where, "--tail=-1").stdout
    assert '"swept Namespace trial-orphan-' in log
    assert f'"swept Deployment {trials.namespace}/cache"' in log


def test_a_trial_beside_its_resource_leaves_only_what_was_there(trials: Trials, kubectl: Run) -> None:
    def there() -> set[str]:
        # Reports stay as long as the resource does.
        listed = kubectl("get", KINDS, "-n", trials.namespace, "-l", "!seatrial.dev/report-of", "-o", "name")
        return set(listed.stdout.split())

    kubectl("create", "configmap", "mine", "-n", trials.namespace)
    kubectl("create", "service", "clusterip", "other", "--tcp=80", "-n", trials.namespace)
    trials.until("the namespace is furnished", lambda: "configmap/kube-root-ca.crt" in there())
    before = there()
    trials.apply(trial("same", namespace="Same"))
    stored = trials.wait("tscn", "same")
    assert (stored["status"]["verdict"], stored["status"]["run"]["namespace"]) == ("Passed", trials.namespace)
    trials.wait("tscn", "same", "TornDown", timeout=30)
    assert {thing for thing in there() if not thing.startswith("replicaset")} == before

    trials.apply(trial("taken", namespace="Same", services=[{"name": "other", "image": REDIS, "ports": PORTS}]))
    stored = trials.wait("tscn", "taken", "TornDown", timeout=30)
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Error", "NameTaken")
    assert "Service other" in stored["status"]["message"]
    assert {thing for thing in there() if not thing.startswith("replicaset")} == before


PORTS = [{"name": "http", "port": 80}]


def test_an_existing_service_is_used_and_never_touched(trials: Trials, kubectl: Run) -> None:
    trials.apply(ROOT / "examples/load-target.yaml")
    kubectl("rollout", "status", "deployment/inventory", "-n", trials.namespace, "--timeout=60s")
    before = {kind: trials.get(kind, "inventory") for kind in ("service", "deployment")}

    def asking(name: str, **existing: str) -> dict[str, Any]:
        body = trial(name, services=[{"name": "stock", "existing": {"service": "inventory"} | existing}])
        body["spec"]["steps"] = [{"name": "ask", "http": {"service": "stock", "path": "/healthz"}}]
        return body

    trials.apply(asking("user"))
    stored = trials.wait("tscn", "user")
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Passed", "AllStepsSucceeded")
    assert "namespace" not in stored["status"]["run"]
    assert "finalizers" not in stored["metadata"]
    assert {kind: trials.get(kind, "inventory") for kind in before} == before

    trials.apply(asking("intruder", service="kube-dns", namespace="kube-system"))
    stored = trials.wait("tscn", "intruder")
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Error", "TargetNotAllowed")
    assert "allowedTargets" in stored["status"]["message"]
