"""Models of load on a real cluster: the examples of load, and what ends a load, all at once against one service."""

from typing import Any

import pytest

from .conftest import ROOT, Run, Trials

LOAD = ROOT / "examples/load"


def load_test(name: str, profile: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A LoadTest of the example's inventory."""
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": name},
        "spec": {"target": {"service": "inventory", "port": "http"}, "profile": profile, **spec},
    }


@pytest.fixture
def target(trials: Trials, kubectl: Run) -> None:
    """Starts the example's inventory."""
    trials.apply(ROOT / "examples/load-target.yaml")
    kubectl("rollout", "status", "deployment/inventory", "-n", trials.namespace, "--timeout=60s")


def ended(trials: Trials, name: str, verdict: str, reason: str) -> dict[str, Any]:
    """Waits for a load test, which must end like that, and returns its result."""
    status = trials.wait("ldt", name)["status"]
    assert (status["verdict"], status["reason"]) == (verdict, reason), status["message"]
    result: dict[str, Any] = status["result"]
    return result


@pytest.mark.exclusive
@pytest.mark.usefixtures("target")
def test_examples_of_load(trials: Trials) -> None:
    for example in ("closed.yaml", "staged.yaml", "flow.yaml"):
        trials.apply(LOAD / example)

    result = ended(trials, "closed", "Passed", "ThresholdsMet")
    assert (result["requests"], result["iterations"], result["checks"]) == (400, 400, 400)
    assert result["measuredSeconds"] < 30

    result = ended(trials, "staged", "Passed", "ThresholdsMet")
    # 100 in two seconds, 100 in the one after the jump, 50 while it falls.
    assert (result["requests"], result["measuredSeconds"], result["requestedRate"]) == (250, 4.0, 62.5)
    assert result["achievedRate"] == 62.5

    result = ended(trials, "flow", "Passed", "ThresholdsMet")
    requests = {each["name"]: each["requests"] for each in result["byRequest"]}
    assert list(requests) == ["login", "whoami", "restock", "reserve"]
    # Flows that began in the warm-up, four at most, go on after it; none is cut off.
    assert requests["login"] >= 20
    assert 0 <= requests["reserve"] - requests["login"] <= 4
    assert result["checks"] == requests["login"] + requests["whoami"] + 2 * requests["reserve"]
    assert result.get("checksFailed", 0) == 0


@pytest.mark.exclusive
@pytest.mark.usefixtures("target")
def test_what_begins_and_ends_a_load(trials: Trials) -> None:
    look = [{"path": "/stock/A1"}]
    slow = [{"name": "look", "thinkTime": "300ms", "steps": look}]
    chance = {"rate": 40, "arrivals": "Poisson", "iterations": 100, "duration": "30s"}
    trials.apply(load_test("chance", chance, requests=look, ratePerWorker=20))
    trials.apply(load_test("bounded", {"users": 2, "iterations": 999, "duration": "2s"}, flows=slow))
    comers = [{"duration": "2s", "users": 6}, {"duration": "2s", "users": 0}]
    trials.apply(load_test("comers", {"stages": comers, "gracefulStop": "5s"}, flows=slow))
    trials.apply(load_test("cores", {"rate": 40, "duration": "3s"}, requests=look, cores=2))

    result = ended(trials, "chance", "Passed", "Completed")
    assert (result["requests"], result["iterations"], result["workersFinished"]) == (100, 100, 2)

    result = ended(trials, "cores", "Passed", "Completed")
    assert result.get("errorsByKind", []) == []
    assert (result["requests"], result["workersFinished"]) == (120, 1)

    result = ended(trials, "bounded", "Inconclusive", "IterationsNotDone")
    assert (result["iterations"], result["measuredSeconds"]) == (result["requests"], 2.0)

    result = ended(trials, "comers", "Passed", "Completed")
    assert result["measuredSeconds"] == 4.0
    # On average three users for four seconds, at something over 300 ms a request.
    assert 12 <= result["requests"] <= 44


@pytest.mark.usefixtures("target")
def test_a_generator_without_cpu_proves_nothing(trials: Trials) -> None:
    trials.apply(LOAD / "saturated.yaml")
    ended(trials, "saturated", "Inconclusive", "GeneratorSaturated")
    assert "resources" in trials.get("ldt", "saturated")["status"]["message"]
