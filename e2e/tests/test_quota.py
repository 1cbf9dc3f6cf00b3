"""Quotas that refuse the pods of Jobs, of which only Events tell: waited out, and all goes on when there is room."""

from typing import Any

from .conftest import Run, Trials
from .manifests import API, CACHE, REDIS, scenario


def _quota(pods: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team"},
        "spec": {"hard": {"pods": str(pods)}},
    }


def test_jobs_wait_for_a_quota_that_has_no_room_for_their_pods(trials: Trials, kubectl: Run) -> None:
    step = {"name": "work", "job": {"image": REDIS, "command": ["true"]}, "timeout": "10s"}
    pause = {"name": "pause", "wait": {"duration": "4s"}}
    environment = {"namespace": "Same", "services": [CACHE]}
    steps = [pause, step | {"needs": [{"step": "pause"}]}]
    load = {"target": {"service": "cache"}, "profile": {"users": 1, "duration": "1s"}}
    trials.apply(_quota(1))
    trials.apply(scenario("waits", environment=environment, steps=steps))

    def work() -> dict[str, Any]:
        steps = trials.get("tscn", "waits").get("status", {}).get("steps", [])
        return next((step for step in steps if step["name"] == "work"), {})

    trials.until("the environment is there", lambda: bool(work()))
    trials.apply({"apiVersion": API, "kind": "LoadTest", "metadata": {"name": "queued"}, "spec": load})
    trials.until("the step waits", lambda: work().get("reason") == "QuotaExceeded")
    assert "exceeded quota: team" in work()["message"]
    trials.until("the load test waits", lambda: trials.get("ldt", "queued").get("status", {}).get("phase") == "Queued")
    queued = {row["type"]: row for row in trials.get("ldt", "queued")["status"]["conditions"]}["Queued"]
    assert (queued["status"], queued["reason"]) == ("True", "QuotaExceeded")
    kubectl("patch", "ldt", "queued", "-n", trials.namespace, "--type=merge", "-p", '{"spec":{"stop":"Immediate"}}')
    assert trials.wait("ldt", "queued")["status"]["verdict"] == "Cancelled"

    trials.apply(_quota(5))
    status = trials.wait("tscn", "waits", timeout=150)["status"]
    assert (status["verdict"], status["reason"]) == ("Passed", "AllStepsSucceeded")
