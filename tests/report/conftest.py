"""A run whose status a test can write in a line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.api.status import LoadTestStatus, TestScenarioStatus


class Run:
    """Statuses of one run."""

    now = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)

    @staticmethod
    def step(name: str, state: str, **more: Any) -> dict[str, Any]:
        times = {"startedAt": "2026-11-22T10:00:05Z"} if state != "Pending" else {}
        if state not in {"Pending", "Running"}:
            times["finishedAt"] = "2026-11-22T10:00:06.500Z"
        return {"name": name, "state": state, "attempts": 1 if times else 0, **times, **more}

    @staticmethod
    def service(name: str, state: str, **more: Any) -> dict[str, Any]:
        healthy = {"healthyAt": "2026-11-22T10:00:03Z"} if state == "Healthy" else {}
        return {"name": name, "state": state, "startedAt": "2026-11-22T10:00:01Z", **healthy, **more}

    @staticmethod
    def load(**more: Any) -> dict[str, Any]:
        latency = {
            "min": "1ms",
            "mean": "2ms",
            "p50": "2ms",
            "p90": "4ms",
            "p95": "5ms",
            "p99": "12.3ms",
            "p999": "30ms",
            "max": "41ms",
        }
        return {
            "workers": 2,
            "workersReporting": 2,
            "workersFinished": 2,
            "requests": 60000,
            "errors": 12,
            "errorRate": 0.0002,
            "requestedRate": 500,
            "achievedRate": 499.96,
            "measuredSeconds": 120,
            "latency": latency,
            "serviceTime": {**latency, "p99": "9ms"},
            "errorsByKind": [{"kind": "timeout", "count": 10}, {"kind": "status5xx", "count": 2}],
            "thresholds": [
                {
                    "expr": "latency.p99 < duration('250ms')",
                    "state": "Passed",
                    "value": "latency.p99 = 12.3ms",
                }
            ],
            **more,
        }

    @staticmethod
    def scenario(**fields: Any) -> TestScenarioStatus:
        run = {"id": "3", "generation": 3, "namespace": "trial-x", "startedAt": "2026-11-22T10:00:00Z"}
        return TestScenarioStatus.model_validate(
            {"observedGeneration": 3, "phase": "Running", "run": run | fields.pop("run", {}), **fields}
        )

    @staticmethod
    def load_test(**fields: Any) -> LoadTestStatus:
        run = {"id": "3", "generation": 3, "startedAt": "2026-11-22T10:00:00Z", "finishedAt": "2026-11-22T10:02:05Z"}
        return LoadTestStatus.model_validate({"observedGeneration": 3, "phase": "Running", "run": run, **fields})

    @staticmethod
    def torn_down(status: str = "True", message: str = "") -> list[dict[str, Any]]:
        return [
            {
                "type": "TornDown",
                "status": status,
                "reason": "NothingLeft",
                "message": message,
                "lastTransitionTime": "2026-11-22T10:00:20Z",
            }
        ]


@pytest.fixture
def run() -> Run:
    return Run()
