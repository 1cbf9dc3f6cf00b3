"""Load: a threshold ends it at once, on all workers."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, Trials

ROOT = Path(__file__).parents[2]


def load_test(name: str, **spec: Any) -> dict[str, Any]:
    """A LoadTest of the example's inventory."""
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": name},
        "spec": {"target": {"service": "inventory", "port": "http"}, "requests": [{"path": "/stock/A1"}], **spec},
    }


def target(trials: Trials, kubectl: Run) -> None:
    """Starts the example's inventory."""
    trials.apply(ROOT / "examples/load-target.yaml")
    kubectl("rollout", "status", "deployment/inventory", "-n", trials.namespace, "--timeout=60s")


def moment(text: str) -> datetime:
    """Reads a time of Kubernetes."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.exclusive
def test_a_threshold_that_is_crossed_stops_all_workers_within_two_seconds(trials: Trials, kubectl: Run) -> None:
    target(trials, kubectl)
    never = {"expr": "latency.p50 < duration('1us')", "abortOnFail": True, "after": "3s"}
    trials.apply(load_test("cut", workers=3, profile={"rate": 60, "duration": "10m"}, thresholds=[never]))
    stored = trials.wait("ldt", "cut", "Complete")
    status = stored["status"]
    result = status["result"]
    assert (status["verdict"], status["reason"]) == ("Failed", "ThresholdMissed")
    assert status["message"].startswith(f"aborted at {result['abortedAt']:g}s: latency.p50 < duration('1us') is false")
    assert result["thresholds"][0]["crossedAt"] == result["abortedAt"]
    assert 3 <= result["abortedAt"] <= 6
    # Measuring ends where the workers' last lines end, so these say when each was really stopped.
    assert result["measuredSeconds"] - result["abortedAt"] < 2
    assert result["measuredSeconds"] > result["abortedAt"]
    trials.nothing_left(stored["metadata"]["uid"], timeout=15)
