"""Every example is run as it stands, and must end with the verdict that its first line promises."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Run, Trials

EXAMPLES = ROOT / "examples"


def _verdict(stored: dict[str, Any]) -> tuple[str, str]:
    return stored["status"]["verdict"], stored["status"]["reason"]


def _uid(stored: dict[str, Any]) -> str:
    return str(stored["metadata"]["uid"])


def _step(stored: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in stored["status"]["steps"] if step["name"] == name)


def test_every_example_has_a_test() -> None:
    here = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    missing = [file for file in EXAMPLES.glob("*.yaml") if file.name not in here]
    missing += [file for file in EXAMPLES.glob("load/*.yaml") if file.name not in here]
    assert not missing


@pytest.mark.exclusive
def test_checkout_passes(trials: Trials) -> None:
    trials.apply(EXAMPLES / "checkout.yaml")
    stored = trials.wait("tscn", "checkout", timeout=180)
    assert _verdict(stored) == ("Passed", "AllStepsSucceeded")
    status = stored["status"]
    assert status["progress"] == "5/5"
    healthy = {service["name"]: service["healthyAt"] for service in status["services"]}
    started = {service["name"]: service["startedAt"] for service in status["services"]}
    assert healthy["cache"] <= started["inventory"]
    assert max(healthy["db"], healthy["inventory"]) <= started["orders"]
    load = _step(stored, "peak")["load"]
    assert load["requests"] == 1000
    assert load["workersFinished"] == 2
    assert {threshold["state"] for threshold in load["thresholds"]} == {"Passed"}
    stored = trials.wait("tscn", "checkout", "TornDown")
    assert stored["status"]["teardown"][0]["state"] == "Succeeded"
    trials.until("the finalizer is off", lambda: "finalizers" not in trials.get("tscn", "checkout")["metadata"], 5)
    trials.nothing_left(_uid(stored), timeout=1)


def test_wrong_total_fails_for_a_reason_of_the_system_under_test(trials: Trials) -> None:
    trials.apply(EXAMPLES / "wrong-total.yaml")
    stored = trials.wait("tscn", "wrong-total", timeout=180)
    assert _verdict(stored) == ("Failed", "ExpectationFailed")
    assert "response.json.total > 0 is false" in stored["status"]["message"]
    assert _step(stored, "list-orders")["state"] == "Succeeded"
    assert _step(stored, "never")["state"] == "Skipped"
    trials.wait("tscn", "wrong-total", "TornDown")
    trials.nothing_left(_uid(stored), timeout=1)


def test_migration_passes(trials: Trials) -> None:
    trials.apply(EXAMPLES / "migration.yaml")
    stored = trials.wait("tscn", "migration", timeout=90)
    assert _verdict(stored) == ("Passed", "AllStepsSucceeded")
    services = {service["name"]: service for service in stored["status"]["services"]}
    assert {name: service["state"] for name, service in services.items()} == {
        "db": "Healthy",
        "migrate": "Completed",
        "cache": "Healthy",
    }
    assert services["db"]["healthyAt"] <= services["migrate"]["startedAt"]
    assert services["migrate"]["healthyAt"] <= services["cache"]["startedAt"]
    trials.wait("tscn", "migration", "TornDown")
    trials.nothing_left(_uid(stored), timeout=1)


def test_missing_image_is_an_error(trials: Trials) -> None:
    trials.apply(EXAMPLES / "missing-image.yaml")
    stored = trials.wait("tscn", "missing-image", timeout=90)
    assert _verdict(stored) == ("Error", "ImagePullFailed")
    assert "seatrial-example-nowhere" in stored["status"]["message"]
    assert _step(stored, "home")["state"] == "Skipped"
    trials.wait("tscn", "missing-image", "TornDown")
    trials.nothing_left(_uid(stored), timeout=1)


@pytest.mark.exclusive
@pytest.mark.parametrize(
    ("file", "verdict"),
    [("load/open.yaml", ("Passed", "ThresholdsMet")), ("load-fail.yaml", ("Failed", "ThresholdMissed"))],
)
def test_load_tests(trials: Trials, kubectl: Run, file: str, verdict: tuple[str, str]) -> None:
    manifest = yaml.safe_load((EXAMPLES / file).read_text())
    name = manifest["metadata"]["name"]
    trials.apply(EXAMPLES / "load-target.yaml")
    where = ("--namespace", trials.namespace)
    kubectl("rollout", "status", "deployment/inventory", *where, "--timeout=60s")
    trials.apply(EXAMPLES / file)
    stored = trials.wait("ldt", name)
    assert _verdict(stored) == verdict
    result = stored["status"]["result"]
    assert result["requests"] == 500
    assert result["errors"] == 0
    assert result["workersFinished"] == 2
    wanted = manifest["spec"]["thresholds"][0]["expr"]
    assert result["thresholds"][0]["expr"] == wanted
    assert result["thresholds"][0]["value"].startswith("latency.p99 = ")
    stored = trials.wait("ldt", name, "TornDown")
    trials.nothing_left(_uid(stored), timeout=1)
    services: subprocess.CompletedProcess[str] = kubectl("get", "service", "inventory", *where)
    assert "inventory" in services.stdout
