"""What a run leaves behind for people: test cases, files, last words, and the report that holds them."""

import hashlib
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, Trials
from .manifests import REDIS, scenario

JUNIT = """<testsuite name="contract" tests="2" failures="1">
<testcase classname="orders" name="total"><failure message="1 is not 2">assert 1 == 2</failure></testcase>
<testcase classname="orders" name="list"/></testsuite>"""

#: Writes both files, says something, and ends as if all were well.
CONTRACT = {
    "image": REDIS,
    "command": ["sh", "-c", f"echo '{JUNIT}' > /results/junit.xml; echo pixels > /results/shot.txt; echo done"],
    "podSecurity": "Restricted",
    "junit": "/results/*.xml",
    "artifacts": [{"name": "shot", "path": "/results/shot.txt"}, {"name": "video", "path": "/results/video.mp4"}],
}
QUICK = {"image": REDIS, "command": ["sh", "-c", "echo starting; echo no such table; exit 7"]}


@pytest.fixture(scope="module")
def applied() -> dict[str, Any]:
    steps = [{"name": "contract", "job": CONTRACT}, {"name": "migrate", "job": QUICK}]
    return scenario("told", steps=steps)


def test_a_run_tells_what_its_jobs_said_and_left(trials: Trials, seatrial: Run, applied: Any, tmp_path: Path) -> None:
    trials.apply(applied)
    stored = trials.wait("tscn", "told", "TornDown")
    status = stored["status"]
    steps = {step["name"]: step for step in status["steps"]}
    assert (steps["contract"]["state"], steps["contract"]["reason"]) == ("Failed", "TestsFailed"), status
    assert steps["contract"]["message"] == "1 of 2 tests failed: total"
    assert steps["contract"]["junit"] == {"tests": 2, "failures": 1, "errors": 0, "skipped": 0, "failing": ["total"]}
    assert steps["migrate"]["message"] == "exit code 7: no such table"
    trials.nothing_left(stored["metadata"]["uid"], timeout=5)

    [name] = status["report"]["configMaps"]
    kept = trials.get("configmap", name)
    text = kept["data"]["report.json"]
    assert hashlib.sha256(text.encode()).hexdigest() == status["report"]["sha256"]
    assert len(text.encode()) == status["report"]["bytes"]
    assert [owner["uid"] for owner in kept["metadata"]["ownerReferences"]] == [stored["metadata"]["uid"]]
    report = json.loads(text)
    assert (report["verdict"], report["run"]) == ("Failed", "1")
    assert report["tornDownAt"]
    assert [tail["lines"] for tail in report["tails"] if tail["owner"] == "migrate"] == [["starting", "no such table"]]
    kinds = {(change["verb"], change["kind"]) for change in report["audit"]["objects"]}
    assert {("created", "Job"), ("deleted", "Namespace"), ("created", "Namespace")} <= kinds
    assert report["audit"]["requesters"][0]["manager"].startswith("kubectl")
    found = ET.fromstring(kept["data"]["junit.xml"])  # noqa: S314 - our own
    assert (found.get("failures"), found.get("errors")) == ("3", "0")

    where = ("--namespace", trials.namespace)
    shown = seatrial("report", "told", *where, "--artifacts", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    for words in ("Failed  TestScenario", "1 is not 2", "no such table", "Missing"):
        assert words in shown.stdout
    assert (tmp_path / "contract/shot").read_text() == "pixels\n"
    page = seatrial("report", "tscn/told", *where, "--format", "html").stdout
    assert page.startswith("<!DOCTYPE html>")
    assert "1 is not 2" in page


def test_a_report_goes_with_its_resource_and_a_crash_is_quoted(trials: Trials, kubectl: Run) -> None:
    crashing: dict[str, Any] = {"name": "web", "image": REDIS, "command": ["sh", "-c", "echo no config; exit 3"]}
    crashing["ready"] = {"timeout": "12s"}  # two lives, and not the minute that three restarts take
    trials.apply(scenario("crashing", environment={"services": [crashing]}, steps=[]))
    stored = trials.wait("tscn", "crashing", "TornDown")
    status = stored["status"]
    assert (status["verdict"], status["reason"]) == ("Error", "CrashLoop")
    assert status["services"][0]["message"].endswith("times: no config"), status
    [name] = status["report"]["configMaps"]
    assert json.loads(trials.get("configmap", name)["data"]["report.json"])["tails"][0]["lines"] == ["no config"]
    kubectl("delete", "tscn", "crashing", "--namespace", trials.namespace, "--timeout=30s")

    def gone() -> bool:
        return bool(kubectl("get", "configmap", name, "-n", trials.namespace, check=False).returncode)

    trials.until("the report is collected", gone, timeout=30)


def test_files_that_verdicts_hang_on_and_are_not_there_are_an_error(trials: Trials) -> None:
    silent = {"image": REDIS, "command": ["true"], "junit": "/results/junit.xml"}
    broken = {"image": REDIS, "command": ["sh", "-c", "echo '<' > /results/junit.xml"], "junit": "/results/junit.xml"}
    trials.apply(scenario("silent", steps=[{"name": "silent", "job": silent}, {"name": "broken", "job": broken}]))
    status = trials.wait("tscn", "silent")["status"]
    assert [(step["state"], step["reason"]) for step in status["steps"]] == [
        ("Error", "JUnitMissing"),
        ("Error", "JUnitUnreadable"),
    ]
    trials.nothing_left(trials.wait("tscn", "silent", "TornDown")["metadata"]["uid"], timeout=5)
