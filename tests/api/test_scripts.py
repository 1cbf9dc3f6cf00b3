"""What the load of a script may say, and what is told of the rest."""

from typing import Any

import pytest

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.script import Engine
from seatrial.api.validation import InvalidSpec, read

Spec = dict[str, Any]


def spec(change: Spec | None = None, **more: Any) -> Spec:
    placed = {"inline": "export default function () {}"} | (change or {})
    target = {"service": "orders"}
    return {"target": target, "engine": "K6", "script": placed, "profile": {"users": 4, "duration": "1m"}} | more


def problems(given: Spec) -> list[str]:
    try:
        read(LoadTestSpec, given)
    except InvalidSpec as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "given",
    [
        spec(),
        spec({"args": ["--no-connection-reuse", "--dns=ttl=0"], "env": [{"name": "PAGE", "value": "$(HOME)"}]}),
        spec(profile={"duration": "1m"}, workers=9),
        spec(profile={"stages": [{"duration": "1m", "users": 4}, {"duration": "10s", "users": 0}]}),
        spec(thresholds=[{"expr": "request['whatever'].latency.p95 < duration('1s')"}]),
        spec(engine="Locust", script={"configMap": {"name": "scripts", "key": "shop.py"}}),
        spec(engine="Locust", script={"path": "/scripts/shop.py", "image": "registry/shop:1"}),
        spec(engine="Locust", script={"inline": "import locust"}, profile={"stages": [{"duration": "1m", "users": 4}]}),
    ],
)
def test_what_is_taken(given: Spec) -> None:
    assert problems(given) == []


def test_requests_of_a_script_are_those_that_thresholds_name() -> None:
    names = ["request['b'].errors.count == 0 && request[\"a\"].errors.count == 0", "request['b'].requests.count > 1"]
    read_spec = read(LoadTestSpec, spec(thresholds=[{"expr": name} for name in names]))
    assert read_spec.labels == ("b", "a")
    assert (read_spec.exchanges, read_spec.engine) == ((), Engine.K6)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (spec(requests=[{}]), "spec.requests: belongs to the engine Http: the script says what is sent"),
        (spec(requestTimeout="10s"), "spec.requestTimeout: belongs to the engine Http: the script says what is sent"),
        (
            spec(profile={"rate": 9, "duration": "1m"}),
            "spec.profile.rate: 9: belongs to the engine Http: give users, or leave it to the script's own options",
        ),
        (
            spec(profile={"stages": [{"duration": "1m", "rate": 4}]}),
            "spec.profile.stages: those of a script are of users: give users, or leave it to the script itself",
        ),
        (
            spec(
                engine="Locust",
                script={"inline": "import locust"},
                thresholds=[{"expr": "requests.count > 0 && ttfb.p95 < duration('1s')"}],
            ),
            "spec.thresholds[0].expr: ttfb.p95: Locust does not tell the parts of a request's time: use latency",
        ),
        (
            spec({"args": ["--vus=3"]}),
            "spec.script.args[0]: --vus=3: is not an option that a script of K6 may set: --b",
        ),
        (
            spec(
                {"inline": "import locust", "args": ["--tags=a", "--spawn-rate=3"]},
                engine="Locust",
                profile={"stages": [{"duration": "1m", "users": 4}]},
            ),
            "spec.script.args[1]: --spawn-rate=3: stages say how quickly users come: remove it",
        ),
        (spec({"args": ["-o"]}), "spec.script.args[0]: '-o': must match ^--[a-z]"),
        (
            spec(engine="Locust", script={"configMap": {"name": "scripts", "key": "shop"}}),
            "spec.script.configMap.key: shop: must end with .py",
        ),
        (
            spec(engine="Locust", script={"path": "/shop", "image": "i"}),
            "spec.script.path: /shop: must end with .py",
        ),
        (
            spec(thresholds=[{"expr": f"request['{'n' * 51}'].errors.count == 0"}]),
            f"spec.thresholds: {'n' * 51}: names of a script's requests have 50 characters at most",
        ),
        (
            spec({"env": [{"name": "LOCUST_USERS", "value": "1"}]}),
            "spec.script.env[0]: names that begin with SEATRIAL_, K6_ or LOCUST_",
        ),
        ({**spec(), "script": None}, "spec: the engines K6 and Locust run a script, and Http does not"),
        (spec(engine="Http"), "spec: the engines K6 and Locust run a script, and Http does not"),
        (spec(workers=5), "spec: fewer requests per second (or users) than workers and their cores: lower them"),
    ],
)
def test_what_is_refused(given: Spec, told: str) -> None:
    if given.get("script") is None:
        del given["script"]
    found = problems(given)
    assert len(found) == 1, found
    assert found[0].startswith(told), found
