"""Mistakes that no schema can name: each is told with its field, its value and what to do."""

import copy
import json
from typing import Any

import pytest

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.step import Step
from seatrial.api.step_checks import CAPTURES, available_captures
from seatrial.api.validation import SPEC_BYTES, InvalidSpec, Problem, read

Spec = dict[str, Any]

GOOD: Spec = {
    "environment": {
        "services": [
            {
                "name": "db",
                "image": "db:1",
                "ports": [{"name": "sql", "port": 5432}],
                "ready": {"tcp": {"port": "sql"}},
            },
            {
                "name": "orders",
                "image": "orders:1",
                "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}],
                "dependsOn": [{"service": "db"}],
                "ready": {"http": {"port": "admin"}},
            },
        ]
    },
    "setup": [{"name": "seed", "job": {"image": "seed:1", "args": ["--run", "${run.id}", "$${HOME}"]}}],
    "steps": [
        {
            "name": "create",
            "http": {"service": "orders", "port": "http", "method": "POST", "json": {"run": "${run.id}"}},
            "expect": ["response.status == 201"],
            "capture": {"orderId": "response.json.id"},
        },
        {
            "name": "check",
            "needs": [{"step": "create"}],
            "job": {"image": "c:1", "env": [{"name": "ID", "value": "${captures.orderId}"}]},
        },
        {
            "name": "peak",
            "load": {"target": {"service": "orders", "port": "http"}, "profile": {"users": 1, "duration": "1s"}},
        },
    ],
    "teardown": [{"name": "export", "job": {"image": "export:1"}}],
}  # fmt: skip
LOAD: Spec = {"target": {"service": "orders"}, "profile": {"rate": 5, "duration": "1s"}}


def existing(**more: Any) -> Spec:
    """The good spec with its second service an existing one."""
    entry = {"name": "orders", "existing": {"service": "orders-v2"}}
    return changed("environment", "services", 1, to=entry | more)


def test_an_existing_service_takes_no_field_that_says_how_to_start_it() -> None:
    read(TestScenarioSpec, existing())
    read(TestScenarioSpec, existing(ready={"http": {"port": "anything"}}))
    with pytest.raises(InvalidSpec) as error:
        read(TestScenarioSpec, existing(replicas=2, dependsOn=[{"service": "db"}]))
    assert {problem.field for problem in error.value.problems} == {
        "spec.environment.services[1].dependsOn",
        "spec.environment.services[1].replicas",
    }
    assert all("take this out" in problem.remedy for problem in error.value.problems)


def test_ports_that_are_given_for_an_existing_service_are_all_that_can_be_named() -> None:
    given = [{"name": "web", "port": 80}]
    with pytest.raises(InvalidSpec, match="no such port of service orders"):
        read(TestScenarioSpec, existing(ports=given))


def changed(*path: str | int, to: Any) -> Spec:
    """The good spec with one field changed; None takes it out."""
    spec = copy.deepcopy(GOOD)
    place: Any = spec
    for part in path[:-1]:
        place = place[part]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return spec


def problems(spec: Any, kind: type[TestScenarioSpec | LoadTestSpec] = TestScenarioSpec) -> list[str]:
    with pytest.raises(InvalidSpec) as raised:
        read(kind, spec)
    assert str(raised.value) == "; ".join(map(str, raised.value.problems))
    return [str(problem) for problem in raised.value.problems]


def test_good_specs_are_read() -> None:
    assert [step.name for step in read(TestScenarioSpec, GOOD).steps] == ["create", "check", "peak"]
    assert read(LoadTestSpec, LOAD).workers == 1


SERVICES = ("environment", "services")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            changed(*SERVICES, 1, "dependsOn", to=[{"service": "dbb"}]),
            "spec.environment.services[1].dependsOn[0].service: 'dbb': no such service; did you mean 'db'?",
        ),
        (
            changed(*SERVICES, 0, "dependsOn", to=[{"service": "orders"}]),
            "spec.environment.services: db -> orders -> db: dependsOn goes round in a circle: take one dependsOn out",
        ),
        (
            changed(*SERVICES, 0, "dependsOn", to=[{"service": "db"}]),
            "spec.environment.services: db -> db: dependsOn goes round in a circle: take one dependsOn out",
        ),
        (
            changed(*SERVICES, 1, "ready", to={"tcp": {"port": "web"}}),
            "spec.environment.services[1].ready.tcp.port: 'web': no such port of service orders; there are http, admin",
        ),
        (
            changed(*SERVICES, 1, "ready", to={"tcp": {}}),
            "spec.environment.services[1].ready.tcp.port: service orders has several ports (http, admin): name one",
        ),
        (
            changed(*SERVICES, 0, "ports", to=[]),
            "spec.environment.services[0].ready.tcp.port: 'sql': service db has no ports: add ports to it",
        ),
        (
            changed(*SERVICES, 1, "ports", 1, "port", to=80),
            "spec.environment.services[1].ports: 80: is given under two names: keep one",
        ),
        (
            changed("setup", 0, "name", to="peak"),
            "spec.steps: 'peak': setup, steps and teardown share one set of names: rename one",
        ),
        (
            changed("steps", 2, "needs", to=[{"step": "creat"}]),
            "spec.steps[2].needs[0].step: 'creat': no such step; did you mean 'create'?",
        ),
        (
            changed("steps", 0, "needs", to=[{"step": "check"}]),
            "spec.steps: create -> check -> create: needs goes round in a circle: take one needs out",
        ),
        (
            changed("steps", 0, "http", "service", to="nowhere"),
            "spec.steps[0].http.service: 'nowhere': no such service; there are db, orders",
        ),
        (
            changed("steps", 0, "http", "port", to=None),
            "spec.steps[0].http.port: service orders has several ports (http, admin): name one",
        ),
        (
            changed("steps", 2, "load", "target", "service", to="order"),
            "spec.steps[2].load.target.service: 'order': no such service; did you mean 'orders'?",
        ),
        (
            changed("steps", 0, "expect", to=["response.status"]),
            "spec.steps[0].expect[0]: 'response.status': is never true or false: compare it with something",
        ),
        (
            changed("steps", 1, "needs", to=[]),
            "spec.steps[1].job.env: 'captures.orderId': orderId is captured by step create: "
            "add `needs: [{step: create}]`",
        ),
        (
            changed("steps", 1, "needs", to=[{"step": "create", "result": "Completed"}]),
            "spec.steps[1].job.env: 'captures.orderId': orderId is captured by step create: "
            "add `needs: [{step: create}]`",
        ),
        (
            changed("steps", 2, to={"name": "again", "http": {"service": "db"}, "capture": {"orderId": "1"}}),
            "spec.steps[2].capture.orderId: step create captures it already: rename one",
        ),
        (
            changed("setup", 0, "job", "args", to=["${HOME}"]),
            "spec.setup[0].job.args: 'HOME': at column 1: undeclared reference to 'HOME'; known here are run.id; "
            "write $${ for ${ itself",
        ),
        (
            changed("steps", 0, "http", "path", to="/${run.id"),
            "spec.steps[0].http.path: '${run.id': ${ begins an expression, which ends with } and holds no braces; "
            "write $${ for ${ itself",
        ),
    ],
)  # fmt: skip
def test_mistakes_across_fields_are_told_with_field_value_and_remedy(spec: Spec, told: str) -> None:
    assert problems(spec) == [told]


def test_a_name_that_is_used_twice_is_told() -> None:
    told = problems(changed(*SERVICES, 1, "name", to="db"))
    assert told[0] == "spec.environment.services: 'db': is used twice: rename one"


def test_a_circle_through_several_steps_is_named_in_the_order_of_needs() -> None:
    spec = changed("steps", 0, "needs", to=[{"step": "peak"}])
    spec["steps"][2]["needs"] = [{"step": "check"}]
    circle = "create -> peak -> check -> create"
    turned = {circle, "peak -> check -> create -> peak", "check -> create -> peak -> check"}
    assert {problem.split(": ")[1] for problem in problems(spec)} & turned


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (changed("environment", to=None), "spec.environment: is required"),
        (changed("stepz", to=[]), "spec.stepz: there is no such field; did you mean 'steps'?"),
        (
            changed("steps", 0, "name", to="Create"),
            "spec.steps[0].name: 'Create': must be small letters, digits and dashes, and begin with a letter",
        ),
        (
            changed("steps", 0, "timeout", to="5 s"),
            "spec.steps[0].timeout: '5 s': '5 s' is not a duration: write for example 250ms, 90s or 1h30m",
        ),
        (
            changed("steps", 0, "capture", to={"1d": "1"}),
            "spec.steps[0].capture.1d: '1d': must be letters, digits and underscores, and begin with no digit",
        ),
        (changed("steps", 0, "http", "text", to="x"), "spec.steps[0].http: give one of json, form and text"),
        (
            changed("steps", 0, "job", to={"image": "i"}),
            "spec.steps[0]: give exactly one of http, job, load, assert and wait",
        ),
        (
            changed("environment", "services", 0, "imagee", to="x"),
            "spec.environment.services[0].imagee: there is no such field; did you mean 'image'?",
        ),
        (
            changed("steps", 0, "nothing", to="x"),
            "spec.steps[0].nothing: there is no such field; look for a wrong indentation; there are assert, capture, "
            "captureSecret, eventually, expect, http, job, load, matrix, maxParallel, name, needs and 5 more",
        ),
        (
            changed("steps", 0, "http", "method", to="get"),
            "spec.steps[0].http.method: 'get': must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS; "
            "did you mean 'GET'?",
        ),
        (
            changed("environment", "services", 0, "ports", 0, "port", to="80"),
            "spec.environment.services[0].ports[0].port: '80': must be a whole number, without quotes",
        ),
        (
            changed("environment", "services", 0, "env", to={"A": "b"}),
            "spec.environment.services[0].env: must be a list: begin each entry with a dash",
        ),
        (
            changed("environment", "services", 0, "replicas", to=0),
            "spec.environment.services[0].replicas: 0: must be at least 1",
        ),
        (changed("steps", 0, to="create"), "spec.steps[0]: 'create': must be a mapping of fields"),
        (None, "spec: must be a mapping of fields"),
        ([], "spec: must be a mapping of fields"),
    ],
)  # fmt: skip
def test_mistakes_of_shape_are_told_the_same_way(spec: Any, told: str) -> None:
    assert problems(spec) == [told]


def test_all_mistakes_are_told_at_once() -> None:
    spec = changed("steps", 0, "expect", to=["respons.status == 1", "1 +"])
    spec["steps"][1]["needs"] = [{"step": "nobody"}]
    told = problems(spec)
    assert len(told) == 4
    assert told[0].startswith("spec.steps[0].expect[0]: 'respons.status == 1': at column 8: undeclared reference")
    assert "did you mean 'response.status'?" in told[0]
    assert told[1].startswith("spec.steps[0].expect[1]: '1 +': at column ")
    assert told[2].startswith("spec.steps[1].needs[0].step: 'nobody': no such step")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"thresholds": [{"expr": "latency.p98 < duration('1s')"}]},
            "spec.thresholds[0].expr: \"latency.p98 < duration('1s')\": at column 8: undeclared reference",
        ),
        (
            {"thresholds": [{"expr": "errors.rate"}]},
            "spec.thresholds[0].expr: 'errors.rate': is never true or false: compare it with something",
        ),
        (
            {"requests": [{"path": "/a"}, {"path": "/a"}]},
            "spec.requests: 'GET /a': two requests are reported under this name: give each a name",
        ),
        (
            {"profile": {"stages": [{"duration": "1s", "rate": 9}, {"duration": "9s", "rate": 0}], "warmup": "10s"}},
            "spec.profile: stages must last at least 1s longer than warmup",
        ),
        (
            {"profile": {"stages": [{"duration": "9s", "rate": 0}, {"duration": "0s", "rate": 9}]}},
            "spec.profile.stages: nothing is sent after the warm-up: raise a stage above 0",
        ),
        (
            {"profile": {"rate": 5, "duration": "1s", "warmup": "2s", "iterations": 16}},
            "spec.profile.iterations: 16: rate and time let only 15 come: lower it, or raise them",
        ),
        (
            {"profile": {"stages": [{"duration": "3s", "rate": 9}, {"duration": "1s", "rate": 0}], "iterations": 19}},
            "spec.profile.iterations: 19: rate and time let only 18 come: lower it, or raise them",
        ),
        (
            {"profile": {"rate": 5, "duration": "1s", "iterations": 1}, "workers": 2},
            "spec: fewer iterations than workers and their cores: lower them",
        ),
        (
            {"workers": 9},
            "spec: fewer requests per second (or users) than workers and their cores: lower them",
        ),
        (
            {"connections": {"connectTimeout": "10s"}},
            "spec.connections.connectTimeout: 10s: is not over before requestTimeout is: make it shorter, or leave",
        ),
        ({"profile": {"duration": "1s"}}, "spec: profile: give one of rate (open model) and users (closed model)"),
    ],
)
def test_mistakes_in_load_are_told(change: Spec, told: str) -> None:
    found = problems(LOAD | change, LoadTestSpec)
    assert len(found) == 1
    assert found[0].startswith(told)


def test_a_spec_that_is_too_large_to_keep_is_refused() -> None:
    spec = changed("steps", 0, "http", "json", to={"much": "x" * SPEC_BYTES})
    assert problems(spec) == [f"spec: is larger than {SPEC_BYTES} bytes as JSON: split the scenario"]
    assert len(json.dumps(GOOD)) < SPEC_BYTES


def test_a_long_value_is_shown_shortened() -> None:
    told = problems(changed("steps", 0, "http", "service", to="s" + "a" * 49))[0]
    assert f"'s{'a' * 49}'" in told
    long = problems(changed("steps", 0, "expect", to=["response.status + " + "1 + " * 200 + "1"]))[0]
    assert len(long) < 200


def graph(**needs: list[tuple[str, str]]) -> dict[str, Step]:
    return {
        name: Step.model_validate(
            {
                "name": name,
                "http": {"service": "a"},
                "capture": {f"c_{name}": "1"},
                "needs": [{"step": other, "result": result} for other, result in others],
            }
        )
        for name, others in needs.items()
    }


@pytest.mark.parametrize(
    ("needs", "known"),
    [
        ({"a": [], "z": []}, set()),
        ({"a": [], "z": [("a", "Succeeded")]}, {"c_a"}),
        ({"a": [], "b": [("a", "Succeeded")], "z": [("b", "Succeeded")]}, {"c_a", "c_b"}),
        ({"a": [], "b": [("a", "Completed")], "z": [("b", "Succeeded")]}, {"c_b"}),
        ({"a": [], "b": [("a", "Succeeded")], "z": [("b", "Failed")]}, set()),
        ({"a": [], "b": [], "z": [("a", "Succeeded"), ("b", "Completed")]}, {"c_a"}),
        ({"z": [("nobody", "Succeeded")]}, set()),
        ({"a": [("z", "Succeeded")], "z": [("a", "Succeeded")]}, {"c_a", "c_z"}),
    ],
)
def test_captures_come_through_needs_that_must_have_succeeded(
    needs: dict[str, list[tuple[str, str]]], known: set[str]
) -> None:
    steps = graph(**needs)
    assert available_captures(steps["z"], steps) == known


def test_a_problem_without_a_value_leaves_it_out() -> None:
    assert str(Problem("spec.a", "", "is required")) == "spec.a: is required"


def test_more_captures_than_status_can_hold_are_refused() -> None:
    def spec(count: int) -> Spec:
        steps = [
            {"name": f"s{i}", "http": {"service": "web"}, "capture": {f"c{i}": "response.status"}} for i in range(count)
        ]
        services = [{"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80}]}]
        return {"environment": {"services": services}, "steps": steps}

    read(TestScenarioSpec, spec(CAPTURES))
    assert problems(spec(CAPTURES + 1)) == [
        f"spec.steps: {CAPTURES + 1} captures: take captures out: a scenario has at most {CAPTURES}"
    ]
