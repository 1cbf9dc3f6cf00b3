"""When a run begins, waits and ends: queue, stop, suspend, schedule, retention, scenarios after one another."""

import json
from typing import Any

import pytest

from .conftest import Run, Trials
from .manifests import REDIS, scenario
from .test_faults import phase_of, reach


def sleeping(name: str, seconds: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "job": {"image": REDIS, "command": ["sleep", str(seconds)], "podSecurity": "Restricted"},
    } | more


FAILING = {"name": "fail", "job": {"image": REDIS, "command": ["sh", "-c", "exit 3"], "podSecurity": "Restricted"}}
BYE = {"name": "bye", "job": {"image": REDIS, "command": ["true"], "podSecurity": "Restricted"}}


def steer(kubectl: Run, trials: Trials, name: str, **fields: Any) -> None:
    patch = json.dumps({"spec": fields})
    kubectl("patch", "tscn", name, "-n", trials.namespace, "--type", "merge", "--patch", patch)


def status_of(trials: Trials, name: str) -> dict[str, Any]:
    found: dict[str, Any] = trials.get("tscn", name).get("status", {})
    return found


def condition(trials: Trials, name: str, kind: str) -> dict[str, Any]:
    rows = status_of(trials, name).get("conditions", [])
    return next((row for row in rows if row["type"] == kind), {})


def verdict(trials: Trials, name: str) -> tuple[str, str]:
    # One that waits has nothing to tear down either, and a circle that was just broken is still called complete.
    trials.until(f"{name} has a verdict", lambda: "verdict" in trials.get("tscn", name)["status"], 120)
    status = trials.wait("tscn", name, "TornDown")["status"]
    return status["verdict"], status["reason"]


def test_a_group_runs_one_at_a_time_and_whoever_waits_sees_its_place(trials: Trials, kubectl: Run) -> None:
    group = {"concurrency": {"group": "database"}}
    trials.apply(scenario("first", steps=[sleeping("work", 4)], **group))
    reach(trials, "first", "Running")
    for name in ("second", "third", "fourth"):
        trials.apply(scenario(name, steps=[], **group))
        reach(trials, name, "Queued")
    second, fourth = status_of(trials, "second"), status_of(trials, "fourth")
    assert (second["queue"]["position"], second["queue"]["behind"]) == (1, "TestScenario first")
    assert (fourth["queue"]["position"], fourth["queue"]["behind"]) == (3, "TestScenario third")
    assert condition(trials, "second", "Queued")["reason"] == "ConcurrencyLimit"
    # Who waits has made nothing, and can go at once in any way.
    assert "finalizers" not in trials.get("tscn", "third")["metadata"]
    kubectl("delete", "tscn", "third", "-n", trials.namespace, "--timeout=5s")
    steer(kubectl, trials, "fourth", stop="Immediate")
    assert verdict(trials, "fourth") == ("Cancelled", "Stopped")
    assert phase_of(trials, "first") == "Running"
    done = trials.wait("tscn", "second")["status"]
    assert done["verdict"] == "Passed"
    first = status_of(trials, "first")
    assert (first["phase"], first["verdict"]) == ("Done", "Passed")
    assert done["run"]["startedAt"] > first["run"]["finishedAt"]


@pytest.mark.parametrize(("stop", "states"), [("Immediate", ["Cancelled"]), ("Graceful", ["Succeeded"])])
def test_a_stopped_run_is_taken_away_and_nothing_starts_again(
    trials: Trials, kubectl: Run, stop: str, states: list[str]
) -> None:
    steps = [sleeping("work", 3), sleeping("next", 1, needs=[{"step": "work"}])]
    trials.apply(scenario("stopped", steps=steps, teardown=[BYE]))
    reach(trials, "stopped", "Running")
    steer(kubectl, trials, "stopped", stop=stop)
    assert verdict(trials, "stopped") == ("Cancelled", "Stopped")
    status = status_of(trials, "stopped")
    assert [step["state"] for step in status["steps"]] == [*states, "Skipped"]
    assert [step["state"] for step in status["teardown"]] == ["Succeeded"]
    trials.nothing_left(trials.get("tscn", "stopped")["metadata"]["uid"], timeout=2)
    steer(kubectl, trials, "stopped", stop=None)
    trials.until("the edit is seen", lambda: status_of(trials, "stopped")["observedGeneration"] == 3, 10)
    assert (phase_of(trials, "stopped"), status_of(trials, "stopped")["run"]["id"]) == ("Done", "1")


def test_a_suspended_scenario_starts_when_it_is_resumed(trials: Trials, kubectl: Run) -> None:
    trials.apply(scenario("paused", steps=[], suspend=True))
    trials.wait("tscn", "paused", "Stalled", timeout=10)
    status = status_of(trials, "paused")
    assert (status["phase"], status["reason"]) == ("Queued", "Suspended")
    assert trials.leftovers(trials.get("tscn", "paused")["metadata"]["uid"]) == []
    steer(kubectl, trials, "paused", suspend=False)
    assert verdict(trials, "paused") == ("Passed", "EnvironmentHealthy")


def test_a_failed_environment_is_kept_until_it_is_let_go(trials: Trials, kubectl: Run) -> None:
    trials.apply(scenario("kept", steps=[FAILING], teardown=[BYE], retain={"when": "OnFailure", "timeout": "10m"}))
    status = trials.wait("tscn", "kept")["status"]
    assert (status["phase"], status["verdict"]) == ("Retained", "Failed")
    assert condition(trials, "kept", "TornDown")["reason"] == "Retained"
    look = status["message"].partition(": kubectl ")[2].rstrip(")").split()
    assert "cache-" in kubectl(*look).stdout
    steer(kubectl, trials, "kept", retain={"when": "Never"})
    assert verdict(trials, "kept")[0] == "Failed"
    assert status_of(trials, "kept")["teardown"][0]["state"] == "Succeeded"
    trials.nothing_left(trials.get("tscn", "kept")["metadata"]["uid"], timeout=2)


def test_a_scenario_waits_for_the_verdict_of_another(trials: Trials) -> None:
    trials.apply(scenario("after", steps=[], dependsOn=[{"scenario": "before"}]))
    reach(trials, "after", "Queued")
    queued = condition(trials, "after", "Queued")
    assert queued["reason"] == "WaitingForScenario"
    assert "before" in queued["message"]
    trials.apply(scenario("before", steps=[], suspend=True, dependsOn=[{"scenario": "after"}]))

    def stalled() -> bool:
        return "after -> before -> after" in condition(trials, "after", "Stalled").get("message", "")

    trials.until("the circle is named", stalled, 10)
    trials.apply(scenario("before", steps=[]))
    assert verdict(trials, "after")[0] == "Passed"
    before, after = status_of(trials, "before"), status_of(trials, "after")
    assert after["run"]["startedAt"] > before["run"]["finishedAt"]


def test_a_schedule_starts_a_run_at_its_time(trials: Trials, kubectl: Run) -> None:
    trials.apply(scenario("nightly", steps=[], schedule={"cron": "* * * * *"}))
    trials.until("a scheduled run", lambda: "scheduledFor" in status_of(trials, "nightly").get("run", {}), 130)
    steer(kubectl, trials, "nightly", schedule=None)
    status = trials.wait("tscn", "nightly", "Complete")["status"]
    assert status["run"]["id"].startswith("1-20")
    assert status["history"][0]["id"] == "1"
