"""Retries, conditions, matrices, assertions and waiting: what is refused, and what a matrix comes to."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import matrix
from seatrial.api.cel import ExpressionError, template_scope
from seatrial.api.expansion import STEPS, expanded
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.matrix import COMBINATIONS, axis_types
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.step import Step
from seatrial.api.validation import InvalidSpec, read

Spec = dict[str, Any]

WEB: Spec = {"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80}]}
GET: Spec = {"name": "get", "http": {"service": "web"}}
JOB: Spec = {"name": "job", "job": {"image": "i"}}
READ: Spec = {"name": "one", "service": "web"}
AGREE: Spec = {"name": "agree", "assert": {"reads": [READ]}, "expect": ["answers.one.status == 200"]}


def scenario(*steps: Spec, **more: Any) -> Spec:
    return {"environment": {"services": [copy.deepcopy(WEB)]}, "steps": list(steps)} | more


def problems(*steps: Spec, **more: Any) -> list[str]:
    with pytest.raises(InvalidSpec) as raised:
        read(TestScenarioSpec, scenario(*steps, **more))
    return [str(problem) for problem in raised.value.problems]


def taken(*steps: Spec, **more: Any) -> TestScenarioSpec:
    return read(TestScenarioSpec, scenario(*steps, **more))


# ---------------------------------------------------------------------- what a matrix comes to


def test_combinations_are_run_in_the_same_order_however_the_axes_are_written() -> None:
    one = Step.model_validate(GET | {"matrix": {"b": [1, 2], "a": ["x", "y"]}})
    other = Step.model_validate(GET | {"matrix": {"a": ["x", "y"], "b": [1, 2]}})
    found = [(each.name, dict(each.values), each.parent) for each in expanded([one])]
    assert found == [(each.name, dict(each.values), each.parent) for each in expanded([other])]
    assert found == [
        ("get-0", {"a": "x", "b": 1}, "get"),
        ("get-1", {"a": "x", "b": 2}, "get"),
        ("get-2", {"a": "y", "b": 1}, "get"),
        ("get-3", {"a": "y", "b": 2}, "get"),
    ]


def test_a_step_without_a_matrix_is_its_own_instance() -> None:
    (only,) = expanded([Step.model_validate(GET)])
    assert (only.name, only.written, only.parent, dict(only.values)) == ("get", "get", "", {})


AXES = st.dictionaries(
    st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,9}", fullmatch=True),
    st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
    min_size=1,
    max_size=3,
)


@given(AXES)
def test_every_combination_comes_once(axes: dict[str, list[int]]) -> None:
    found = expanded([Step.model_validate(GET | {"matrix": axes})])
    assert len(found) == matrix.size(axes) == len({each.name for each in found})
    assert len({tuple(sorted(each.values.items())) for each in found}) == len(found)
    assert all(each.values.keys() == axes.keys() for each in found)


@pytest.mark.parametrize(
    ("axis", "right", "wrong"),
    [
        (["a", "b"], "matrix.x == 'a'", "matrix.x == 1"),
        ([True, False], "matrix.x", "matrix.x == 'a'"),
        ([1, 2.5], "matrix.x > 1", None),
        ([1, "a"], "matrix.x == 'a'", None),
    ],
)
def test_an_axis_has_the_type_of_its_values(axis: list[Any], right: str, wrong: str | None) -> None:
    scope = template_scope(frozenset(), axis_types({"x": axis}))
    for value in axis:
        scope.compile(right).evaluate({"matrix.x": value})
    if wrong:
        with pytest.raises(ExpressionError):
            scope.compile(wrong)


@pytest.mark.parametrize("value", [{}, [], None, "a\nb", "x" * 257, 2**53])
def test_other_values_are_refused(value: Any) -> None:
    (told,) = problems(GET | {"matrix": {"a": [value]}})
    assert told == (
        "spec.steps[0].matrix.a[0]: write a text of at most 256 printable characters, a number, true or false"
    )


@pytest.mark.parametrize("axis", [[1, 1], ["a", "a"], [1, 1.0], [True, True]])
def test_a_value_that_is_given_twice_is_refused(axis: list[Any]) -> None:
    (told,) = problems(GET | {"matrix": {"a": axis}})
    assert told == f"spec.steps[0].matrix.a[1]: {axis[1]!r}: is given twice: keep one"


def test_true_is_not_one() -> None:
    assert len(expanded(taken(GET | {"matrix": {"a": [True, 1, "1"]}}).steps)) == 3


def test_too_many_combinations_are_refused() -> None:
    axis = list(range(COMBINATIONS // 2 + 1))
    assert problems(GET | {"matrix": {"a": axis, "b": [1, 2]}}) == [
        "spec.steps[0].matrix: 66 combinations: a step has at most 64: take values out, or split the step"
    ]
    assert len(expanded(taken(GET | {"matrix": {"a": axis[:-1], "b": [1, 2]}}).steps)) == COMBINATIONS


def test_too_many_steps_after_expansion_are_refused() -> None:
    rows = [{"name": f"g{n}", "http": {"service": "web"}, "matrix": {"a": list(range(50))}} for n in range(4)]
    assert len(expanded(taken(*rows).steps)) == STEPS
    assert problems(*rows, GET) == ["spec.steps: 201 steps with all combinations: a scenario has at most 200: split it"]


# ---------------------------------------------------------------------- names


def named(name: str, **more: Any) -> Spec:
    return {"name": name, "http": {"service": "web"}} | more


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (
            [named("get", matrix={"a": [1, 2]}), named("get-1")],
            "spec.steps[0].name: 'get': its instance get-1 would have the same name as one of another step: rename one",
        ),
        (
            [named("get", retry={"limit": 3}), named("get-a4")],
            "spec.steps[0].name: 'get': its attempt get-a4 would have the same name as one of another step: rename one",
        ),
        (
            [named("get", matrix={"a": [1]}, retry={}), named("get-0-a3")],
            "spec.steps[0].name: 'get': its attempt get-0-a3 would have the same name as one of another step: "
            "rename one",
        ),
        (
            [named("get", matrix={"a": [1]}), named("get-0", matrix={"a": [1]})],
            "spec.steps[0].name: 'get': its instance get-0 would have the same name as one of another step: rename one",
        ),
        (
            [named("a" * 50, matrix={"a": [1]})],
            f"spec.steps[0].name: '{'a' * 50}': its instances are called {'a' * 50}-0 and the like, of at most 50 "
            "characters: shorten it",
        ),
    ],
)
def test_names_that_would_be_made_twice_or_too_long_are_refused(steps: list[Spec], told: str) -> None:
    assert problems(*steps) == [told]


def test_an_attempt_may_not_be_called_as_a_setup_job() -> None:
    setup = [{"name": "get-a2", "job": {"image": "i"}}]
    assert "its attempt get-a2 would have the same name" in problems(named("get", retry={}), setup=setup)[0]
    assert taken(named("get", retry={"limit": 1}), named("get-a3")).steps


# ---------------------------------------------------------------------- expressions


CAPTURING: Spec = named("first", capture={"id": "response.json.id"})
AFTER: Spec = {"needs": [{"step": "first"}]}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([GET | {"when": "run.id"}], "spec.steps[0].when: 'run.id': is never true or false: compare it with something"),
        ([GET | {"when": "matrix.a == 1"}], "undeclared reference to 'matrix"),
        (
            [CAPTURING, GET | {"when": "captures.id == 1"}],
            "spec.steps[1].when: 'captures.id == 1': id is captured by step first: add `needs: [{step: first}]`",
        ),
        ([GET | {"matrix": {"a": ["x"]}, "when": "matrix.a == 1"}], "spec.steps[0].when: 'matrix.a == 1': "),
        ([GET | {"matrix": {"a": ["x"]}, "expect": ["matrix.b == 'x'"]}], "spec.steps[0].expect[0]: "),
        ([AGREE | {"expect": ["response.status == 200"]}], "undeclared reference to 'response"),
        ([AGREE | {"expect": ["answers.two.status == 200"]}], "undeclared reference to 'answers"),
        (
            [AGREE | {"assert": {"reads": [READ | {"path": "/${captures.id}"}]}}],
            "spec.steps[0].assert.reads[0].path: 'captures.id': ",
        ),
        (
            [AGREE | {"assert": {"reads": [READ | {"service": "wbe"}]}}],
            "spec.steps[0].assert.reads[0].service: 'wbe': no such service; did you mean 'web'?",
        ),
        (
            [AGREE | {"assert": {"reads": [READ | {"port": "sql"}]}}],
            "spec.steps[0].assert.reads[0].port: 'sql': no such port of service web; there are http",
        ),
    ],
)
def test_mistakes_in_expressions_are_told(steps: list[Spec], told: str) -> None:
    (said,) = problems(*steps)
    assert told in said


def test_captures_and_matrix_may_be_used_everywhere() -> None:
    axes = {"region": ["eu", "us"]}
    both = "matrix.region == 'eu' && captures.id == 7"
    template = "/${matrix.region}/${captures.id}"
    reads = [READ | {"path": template, "headers": [{"name": "x", "value": "${matrix.region}"}]}]
    assert taken(
        CAPTURING,
        GET | AFTER | {"matrix": axes, "when": both, "http": {"service": "web", "path": template}, "expect": [both]},
        JOB | AFTER | {"matrix": axes, "job": {"image": "i", "args": ["${matrix.region}"]}},
        AGREE
        | AFTER
        | {"matrix": axes, "assert": {"reads": reads}, "expect": [f"answers.one.status == 200 && {both}"]},
    ).steps


def test_an_assertion_may_be_about_captures_alone_and_captures_too() -> None:
    alone = {"name": "alone", "assert": {}, "expect": ["captures.id > 0"]} | AFTER
    assert taken(CAPTURING, alone, AGREE | {"capture": {"other": "answers.one.json.id"}}).steps


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_assertion_only_reads(method: str) -> None:
    (told,) = problems(AGREE | {"assert": {"reads": [READ | {"method": method}]}})
    assert told.startswith(f"spec.steps[0].assert.reads[0].method: '{method}': ")


# ---------------------------------------------------------------------- waiting


def waiting(**wanted: Any) -> Spec:
    return {"name": "wait", "wait": {"for": {"kind": "Deployment", "name": "web", "condition": "Available"} | wanted}}


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (waiting(name="wbe"), "spec.steps[0].wait.for.name: 'wbe': no such Deployment; did you mean 'web'?"),
        (
            waiting(kind="Job", name="job", condition="Complete"),
            "spec.steps[0].wait.for.name: 'job': no such Job; there are step-job",
        ),
        (
            {"name": "wait", "wait": {"duration": "10s"}, "timeout": "5s"},
            "spec.steps[0].timeout: is over before wait.duration is: leave it out, or make it longer",
        ),
    ],
)
def test_waiting_for_what_cannot_come_is_refused(step: Spec, told: str) -> None:
    assert problems(step, JOB) == [told]


def test_waiting_for_what_may_come_is_taken() -> None:
    per_region = JOB | {"name": "each", "matrix": {"region": ["eu", "us"]}}
    rows = [
        waiting(),
        waiting(kind="Job", name="step-each-1", condition="Complete") | {"name": "w1"},
        waiting(kind="Pod", name="web-0", condition="Ready") | {"name": "w2"},
        {"name": "w3", "wait": {"duration": "10s"}, "timeout": "10s"},
    ]
    assert taken(per_region, *rows).steps


# ---------------------------------------------------------------------- load


@pytest.mark.parametrize(
    "request_", [{"path": "/${captures.id}"}, {"text": "$${x"}, {"headers": [{"name": "a", "value": "${"}]}]
)
def test_load_takes_no_expressions_yet(request_: Spec) -> None:
    load = {"target": {"service": "web"}, "profile": {"rate": 5, "duration": "1s"}, "requests": [request_]}
    (told,) = problems({"name": "peak", "load": load})
    (part,) = request_
    assert told.startswith(f"spec.steps[0].load.requests[0].{part}: ")
    assert "sent as they are written" in told
    with pytest.raises(InvalidSpec, match=r"spec\.requests\[0\]"):
        read(LoadTestSpec, load)
