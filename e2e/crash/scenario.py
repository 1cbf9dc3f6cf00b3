"""The reference scenario: three services, setup, five steps of which one is a POST and one is load, teardown."""

from typing import Any

_REDIS = "localhost/seatrial-example-redis:dev"
_INVENTORY = "localhost/seatrial-example-inventory:dev"


def _job(name: str, command: str, **more: Any) -> dict[str, Any]:
    job = {"image": _REDIS, "command": ["redis-cli", "-h", "cache", *command.split()], "podSecurity": "Restricted"}
    return {"name": name, "job": job} | more


def _redis(name: str, **more: Any) -> dict[str, Any]:
    ports = [{"name": "redis", "port": 6379}]
    return {"name": name, "image": _REDIS, "podSecurity": "Restricted", "ports": ports, "ready": {"tcp": {}}} | more


SPEC: dict[str, Any] = {
    "environment": {
        "services": [
            _redis("cache"),
            _redis("spare"),
            {
                "name": "inventory",
                "image": _INVENTORY,
                "podSecurity": "Restricted",
                "env": [{"name": "REDIS_URL", "value": "redis://cache:6379/0"}],
                "ports": [{"name": "http", "port": 8080}],
                "dependsOn": [{"service": "cache"}],
                "ready": {"http": {"path": "/healthz"}},
            },
        ]
    },
    "setup": [_job("seed", "ping")],
    "steps": [
        {
            "name": "fill",
            "http": {"service": "inventory", "method": "PUT", "path": "/stock/A1", "json": {"available": 5}},
            "expect": ["response.json.available == 5"],
        },
        {
            "name": "reserve",
            "needs": [{"step": "fill"}],
            "http": {
                "service": "inventory",
                "method": "POST",
                "path": "/stock/A1/reservations",
                "json": {"order": "o-${run.id}", "quantity": 2},
            },
            "expect": ["response.status == 201"],
            "capture": {"order": "response.json.order"},
        },
        _job("contract", "ping", needs=[{"step": "reserve"}]),
        {
            "name": "peak",
            "needs": [{"step": "reserve"}],
            "load": {
                "target": {"service": "inventory"},
                "requests": [{"path": "/stock/A1"}],
                "profile": {"rate": 20, "duration": "1s"},
                "thresholds": [{"expr": "errors.rate < 0.5"}],
            },
        },
        {
            # A POST that was sent twice would show here.
            "name": "reserved-once",
            "needs": [{"step": "reserve"}, {"step": "contract"}, {"step": "peak", "result": "Completed"}],
            "http": {"service": "inventory", "path": "/stock/A1?order=${captures.order}"},
            "expect": ["response.json.reserved == 2"],
        },
    ],
    "teardown": [_job("bye", "ping")],
}
