"""Scripts of k6 and Locust as workers of one Job: judged on the merge, and by what the scripts themselves say."""

from typing import Any

import pytest

from e2e.tests.conftest import ROOT, Run, Trials
from e2e.tests.manifests import scenario

FETCH = """
import http from 'k6/http';
import { sleep } from 'k6';
export default function () { http.get(`${__ENV.TARGET_URL}/stock/A1`); sleep(0.02); }
"""


def target(trials: Trials, kubectl: Run) -> None:
    trials.apply(ROOT / "examples/load-target.yaml")
    for name in ("cache", "inventory"):
        kubectl("rollout", "status", f"deployment/{name}", "-n", trials.namespace, "--timeout=60s")


def scripted(name: str, script: dict[str, Any] | str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": name},
        "spec": {
            "target": {"service": "inventory", "port": "http"},
            "engine": "K6",
            "script": {"inline": script} if isinstance(script, str) else script,
            "profile": {"users": 2, "duration": "2s"},
            "workers": 2,
            **spec,
        },
    }


@pytest.mark.exclusive
def test_k6_is_judged_on_the_merge_of_its_workers_and_by_itself(trials: Trials, kubectl: Run) -> None:
    target(trials, kubectl)
    strict = FETCH + "export const options = {thresholds: {http_req_duration: ['max<0.001']}};"
    in_map = {"configMap": {"name": "scripts", "key": "shop.js"}}
    never = {"expr": "latency.p50 < duration('1us')", "abortOnFail": True}
    kubectl("create", "configmap", "scripts", "-n", trials.namespace, f"--from-literal=shop.js={strict}")
    trials.apply(ROOT / "examples/load/k6.yaml")
    trials.apply(scripted("broken", "export default function () { oops( }"))
    trials.apply(scripted("missing", {"configMap": {"name": "scripts", "key": "nope.js"}}))
    trials.apply(scripted("strict", in_map, thresholds=[{"expr": "errors.rate < 0.5"}]))
    trials.apply(scripted("cut", FETCH, profile={"users": 2, "duration": "10m"}, thresholds=[never]))

    stored = trials.wait("ldt", "k6", "Complete")
    status, result = stored["status"], stored["status"]["result"]
    assert (status["verdict"], status["reason"]) == ("Passed", "ThresholdsMet"), (status["message"], result)
    assert (result["workers"], result["workersFinished"]) == (2, 2)
    # Four users who wait 50 ms after each request, for five seconds.
    assert 150 < result["requests"] < 400
    # A check counts by its own time: of each user one may follow a request of the warm-up, and one may be cut off.
    assert abs(result["checks"] - result["requests"]) <= 4
    assert [each["name"] for each in result["byRequest"]] == ["stock"]
    assert result["byRequest"][0]["requests"] == result["requests"]
    assert [each["state"] for each in result["thresholds"]] == ["Passed"] * 3
    assert abs(result["measuredSeconds"] - 5) < 0.1

    verdicts = {name: trials.wait("ldt", name, "Complete")["status"] for name in ("broken", "missing", "strict", "cut")}
    shown = {name: (status["verdict"], status["reason"]) for name, status in verdicts.items()}
    assert shown == {
        "broken": ("Error", "ScriptInvalid"),
        "missing": ("Error", "LoadRefused"),
        "strict": ("Failed", "ScriptFailed"),
        "cut": ("Failed", "ThresholdMissed"),
    }
    assert "Unexpected token }" in verdicts["broken"]["message"]
    assert "ConfigMap scripts has no key nope.js" in verdicts["missing"]["message"]
    assert "thresholds on metrics 'http_req_duration' have been crossed" in verdicts["strict"]["message"]
    assert verdicts["strict"]["result"]["requests"] > 20
    assert verdicts["cut"]["message"].startswith("aborted at ")
    trials.nothing_left(stored["metadata"]["uid"])

    _in_an_image_and_as_a_step(trials)


def _in_an_image_and_as_a_step(trials: Trials) -> None:
    trials.apply(ROOT / "examples/load/k6-image.yaml")
    load = scripted("", FETCH, thresholds=[{"expr": "errors.rate < 0.01"}])["spec"]
    existing = {"name": "inventory", "existing": {"service": "inventory"}, "ports": [{"name": "http", "port": 8080}]}
    environment = {"namespace": "Same", "services": [existing]}
    trials.apply(scenario("with-script", environment=environment, steps=[{"name": "peak", "load": load}]))

    status = trials.wait("ldt", "k6-image", "Complete")["status"]
    assert (status["verdict"], status["reason"]) == ("Passed", "ThresholdsMet"), status["message"]
    assert [each["name"] for each in status["result"]["byRequest"]] == ["stock"]

    status = trials.wait("tscn", "with-script", "Complete")["status"]
    assert (status["verdict"], status["reason"]) == ("Passed", "AllStepsSucceeded"), status["message"]
    assert status["steps"][0]["load"]["requests"] > 50


LOOK = """
from locust import HttpUser, constant, events, task


class Shop(HttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/stock/A1")
"""
JUDGE = """

@events.quitting.add_listener
def judge(environment, **_):
    environment.process_exit_code = 3
"""


@pytest.mark.exclusive
def test_locust_is_judged_on_what_its_users_met_and_by_itself(trials: Trials, kubectl: Run) -> None:
    target(trials, kubectl)
    trials.apply(ROOT / "examples/load/locust.yaml")
    trials.apply(scripted("broken", "def broken(:\n", engine="Locust"))
    trials.apply(scripted("strict", LOOK + JUDGE, engine="Locust"))
    climb = {"stages": [{"users": 4, "duration": "4s"}, {"users": 4, "duration": "2s"}]}
    trials.apply(scripted("climbing", LOOK, engine="Locust", profile=climb))

    stored = trials.wait("ldt", "locust", "Complete")
    status, result = stored["status"], stored["status"]["result"]
    assert (status["verdict"], status["reason"]) == ("Passed", "ThresholdsMet"), status
    assert result["workers"] == result["workersFinished"]
    # Four users who wait 50 ms after each request, for five seconds.
    assert 150 < result["requests"] < 400
    assert [(each["name"], each["requests"]) for each in result["byRequest"]] == [("stock", result["requests"])]
    assert abs(result["measuredSeconds"] - 5) < 0.5
    assert "ttfb" not in result

    verdicts = {name: trials.wait("ldt", name, "Complete")["status"] for name in ("broken", "strict", "climbing")}
    shown = {name: (status["verdict"], status["reason"]) for name, status in verdicts.items()}
    assert shown == {
        "broken": ("Error", "ScriptInvalid"),
        "strict": ("Failed", "ScriptFailed"),
        "climbing": ("Passed", "Completed"),
    }
    # Two users on average for four seconds, then four for two; four all the time would send half as many again.
    assert 100 < verdicts["climbing"]["result"]["requests"] < 400
    assert "SyntaxError: invalid syntax" in verdicts["broken"]["message"]
    assert "the script sets exit code 3" in verdicts["strict"]["message"]
    trials.nothing_left(stored["metadata"]["uid"])
