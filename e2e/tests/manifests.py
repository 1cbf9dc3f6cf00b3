"""Small trials of which many tests are made."""

from typing import Any

API = "seatrial.dev/v1alpha1"
REDIS = "localhost/seatrial-example-redis:dev"
#: The quickest service there is.
CACHE: dict[str, Any] = {
    "name": "cache",
    "image": REDIS,
    "podSecurity": "Restricted",
    "ports": [{"name": "redis", "port": 6379}],
    "ready": {"tcp": {}},
}


def sleeping(seconds: int) -> dict[str, Any]:
    """A step whose Job sleeps."""
    return {"name": "work", "job": {"image": REDIS, "command": ["sleep", str(seconds)], "podSecurity": "Restricted"}}


def scenario(name: str, **spec: Any) -> dict[str, Any]:
    """A scenario: one Redis, and a Job that sleeps for a while."""
    whole = {"environment": {"services": [CACHE]}, "steps": [sleeping(5)]} | spec
    return {"apiVersion": API, "kind": "TestScenario", "metadata": {"name": name}, "spec": whole}
