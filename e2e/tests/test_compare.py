"""Load judged against an earlier run, its course over time, and what its target uses: three runs of the example."""

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Run, Trials
from .test_faults import kill_operator

REGRESSION = ROOT / "examples/load/regression.yaml"


def two_inventories(trials: Trials, kubectl: Run) -> None:
    """Starts the inventory twice: behind the Service one that answers after 0.1 s, beside it one that takes 0.3 s."""
    trials.apply(ROOT / "examples/load-target.yaml")
    where = ("--namespace", trials.namespace)
    original = trials.get("deployment", "inventory")
    for name, delay in (("inventory", "0.1"), ("inventory-slow", "0.3")):
        spec = copy.deepcopy(original["spec"])
        spec["selector"] = {"matchLabels": {"app": name}}
        spec["template"]["metadata"] = {"labels": {"app": name}}
        spec["template"]["spec"]["containers"][0]["env"].append({"name": "INVENTORY_DELAY", "value": delay})
        trials.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s", *where)


def lead_to(trials: Trials, kubectl: Run, name: str) -> None:
    """Lets the Service lead to the pods of one of them."""
    patch = json.dumps({"spec": {"selector": {"app": name}}})
    kubectl("patch", "service", "inventory", "--namespace", trials.namespace, "--patch", patch)


def run(trials: Trials, token: str, meanwhile: Callable[[], None] = lambda: None, **spec: Any) -> dict[str, Any]:
    """Has the example run once more, to its end. Returns its status."""
    manifest = yaml.safe_load(REGRESSION.read_text())
    manifest["spec"] |= {"run": token, **spec}
    trials.apply(manifest)
    generation = str(trials.get("ldt", "regression")["metadata"]["generation"])

    def status_now() -> dict[str, Any]:
        status: dict[str, Any] = trials.get("ldt", "regression").get("status", {})
        return status if status.get("run", {}).get("id") == generation else {}

    def over() -> bool:
        return bool(status_now().get("phase") == "Done")

    trials.until("load is measured", lambda: status_now().get("result", {}).get("requests", 0) > 0, timeout=60)
    meanwhile()
    trials.until(f"run {generation} is over", over, timeout=120)
    status: dict[str, Any] = trials.get("ldt", "regression")["status"]
    return status


@pytest.mark.exclusive
def test_a_target_that_became_slower_is_found_by_comparison(trials: Trials, kubectl: Run, seatrial: Run) -> None:
    two_inventories(trials, kubectl)
    where = ("--namespace", trials.namespace)

    first = run(trials, "first")
    assert (first["verdict"], first["reason"]) == ("Passed", "ThresholdsMet")
    assert "no earlier run of this load has passed" in first["message"]
    report = json.loads(seatrial("report", "ldt/regression", "--format", "json", *where, check=True).stdout)
    windows = report["timelines"][0]["windows"]
    assert sum(window["requests"] for window in windows) == first["result"]["requests"] > 300
    assert 19 <= len(windows) <= 21
    assert all(100 <= window["p50"] < 300 for window in windows)

    lead_to(trials, kubectl, "inventory-slow")
    second = run(trials, "second")
    assert (second["verdict"], second["reason"]) == ("Failed", "Regressed"), second["message"]
    assert second["baseline"]["run"] == first["run"]["id"]
    assert second["baseline"]["report"] == first["report"]["configMaps"]
    p50, *others = second["baseline"]["metrics"]
    assert p50["metric"] == "latency.p50"
    assert p50["changePercent"] > 100
    # Of a metric whose seconds follow one another too closely there is no bound, as on a busy node; one has it.
    assert "Passed" not in {metric["state"] for metric in (p50, *others) if metric["metric"].startswith("latency")}
    assert any(metric["state"] == "Failed" and metric["before"] in second["message"] for metric in (p50, *others))

    lead_to(trials, kubectl, "inventory")
    observe = [{"name": "target"}, {"name": "cache", "selector": {"app": "cache"}}]
    limits = ["target.memory.max < 512 * 1024 * 1024", "target.cpu.max < 1.5", "target.restarts == 0"]
    # The next operator must find what this run is compared with, and what its seconds so far were.
    killed = partial(kill_operator, kubectl)
    third = run(trials, "third", killed, observe=observe, thresholds=[{"expr": expr} for expr in limits])
    assert (third["verdict"], third["reason"]) == ("Passed", "ThresholdsMet"), third["message"]
    assert third["baseline"]["run"] == first["run"]["id"]
    assert {metric["state"] for metric in third["baseline"]["metrics"]} == {"Passed"}
    used = {use["name"]: use for use in third["result"]["resourceUse"]}
    # A Python process with a web server cannot do with less, nor Redis.
    assert used["target"]["memoryMax"] > 10 * 2**20
    assert used["cache"]["memoryMax"] > 2**20
    assert (used["target"]["pods"], used["target"]["restarts"], used["target"]["oomKills"]) == (1, 0, 0)
    assert used["target"]["samples"] >= 1

    page = seatrial("report", "ldt/regression", "--format", "html", *where, check=True).stdout
    assert f"Compared with run {first['run']['id']}" in page
    assert "Memory of the largest pod" in page
    trials.nothing_left(trials.get("ldt", "regression")["metadata"]["uid"], timeout=15)
