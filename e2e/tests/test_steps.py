"""The graph of steps on a real cluster: a retry, conditions, a matrix, an assertion, waiting, and an optional step."""

from typing import Any

from .conftest import Run, Trials
from .manifests import CACHE, REDIS

INVENTORY = "localhost/seatrial-example-inventory:dev"

SERVICES = [
    CACHE,
    {
        "name": "inventory",
        "image": INVENTORY,
        "podSecurity": "Restricted",
        "env": [{"name": "REDIS_URL", "value": "redis://cache:6379/0"}],
        "ports": [{"name": "http", "port": 8080}],
        "dependsOn": [{"service": "cache"}],
        "ready": {"http": {"path": "/healthz"}},
    },
]
#: Succeeds the second time it is run, because Redis remembers the first.
SECOND_TIME = 'test "$(redis-cli -h cache incr tries)" -ge 2'
STEPS = [
    {
        "name": "stock",
        "matrix": {"sku": ["A1", "B2"]},
        "maxParallel": 1,
        "http": {
            "service": "inventory",
            "method": "PUT",
            "path": "/stock/${matrix.sku}",
            "json": {"available": 9},
        },
        "expect": ["response.json.available == 9"],
    },
    {
        "name": "second-time",
        "job": {"image": REDIS, "podSecurity": "Restricted", "command": ["sh", "-c", SECOND_TIME]},
        "retry": {"limit": 2, "backoff": {"initial": "200ms"}},
    },
    {
        "name": "reserve",
        "needs": [{"step": "stock"}],
        "http": {
            "service": "inventory",
            "method": "POST",
            "path": "/stock/A1/reservations",
            "json": {"order": "order-${run.id}", "quantity": 2},
        },
        "expect": ["response.status == 201"],
        "capture": {"quantity": "response.json.quantity"},
    },
    {
        "name": "agree",
        "needs": [{"step": "reserve"}],
        "assert": {
            "reads": [
                {"name": "sold", "service": "inventory", "path": "/stock/A1?order=order-${run.id}"},
                {"name": "other", "service": "inventory", "path": "/stock/B2"},
            ]
        },
        "expect": [
            "answers.sold.json.reserved == captures.quantity",
            "answers.other.json.reserved == 0 && answers.other.json.available == 9",
        ],
        "eventually": {"timeout": "10s"},
    },
    {
        "name": "bulk",
        "needs": [{"step": "reserve"}],
        "when": "captures.quantity > 100",
        "http": {"service": "inventory"},
    },
    {"name": "nice", "optional": True, "http": {"service": "inventory", "path": "/nowhere"}},
    {"name": "up", "wait": {"for": {"kind": "Deployment", "name": "inventory", "condition": "Available"}}},
    {"name": "breath", "needs": [{"step": "up"}], "wait": {"duration": "500ms"}},
]


def test_every_manner_of_a_step_in_one_scenario(trials: Trials, kubectl: Run) -> None:
    trials.apply(
        {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "TestScenario",
            "metadata": {"name": "graph"},
            "spec": {"environment": {"services": SERVICES}, "steps": STEPS, "maxParallel": 4},
        }
    )
    stored = trials.wait("tscn", "graph", "TornDown")
    status = stored["status"]
    assert (status["verdict"], status["reason"]) == ("Passed", "AllStepsSucceeded"), status
    assert status["message"] == (
        "7 of 7 steps succeeded; flaky: second-time needed 2 attempts; optional: nice ended Failed; 1 skipped"
    )
    assert (status["flaky"], status["progress"]) == (True, "7/7")
    steps: dict[str, dict[str, Any]] = {step["name"]: step for step in status["steps"]}
    assert {name: step["state"] for name, step in steps.items()} == {
        "stock-0": "Succeeded",
        "stock-1": "Succeeded",
        "second-time": "Succeeded",
        "reserve": "Succeeded",
        "agree": "Succeeded",
        "bulk": "Skipped",
        "nice": "Failed",
        "up": "Succeeded",
        "breath": "Succeeded",
    }
    assert [(step["instanceOf"], step["matrix"]) for name, step in steps.items() if name.startswith("stock")] == [
        ("stock", {"sku": "A1"}),
        ("stock", {"sku": "B2"}),
    ]
    assert (steps["second-time"]["attempts"], steps["second-time"]["flaky"]) == (2, True)
    assert (steps["bulk"]["reason"], steps["bulk"]["message"]) == ("WhenFalse", "captures.quantity > 100 is false")
    assert (steps["nice"]["optional"], steps["nice"]["reason"]) == (True, "ExpectationFailed")
    assert steps["up"]["reason"] == "ConditionMet"
    shown = kubectl("get", "tscn", "graph", "-n", trials.namespace, "--output", "wide").stdout.split()
    assert "true" in shown
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)
