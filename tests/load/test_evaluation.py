"""All expressions of a request at once, on parts of the answer, come to what each comes to on the whole of it."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.cel import EvaluationError, Program
from seatrial.api.load_scope import load_answer_scope, request_scope
from seatrial.load.draft import parsed
from seatrial.load.evaluation import Evaluation, parts, picked

SCOPE = load_answer_scope(request_scope([], ["before"]))

KEYS = st.sampled_from(["a", "b", "id", "size"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text("aé ", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
PATHS = st.lists(KEYS, max_size=3).map(lambda fields: ".".join(["response.json", *fields]))
EXPRESSIONS = st.one_of(
    PATHS,
    st.builds("{} == {}".format, PATHS, st.sampled_from(["1", "'a'", "null", "captures.before", "response.status"])),
    st.builds("{} > 0 && response.status == 200".format, PATHS),
    st.builds("size({}) > 1".format, PATHS),
    st.builds("{}.size() == 1 || response.text.contains('a')".format, PATHS),
    st.builds("has({}.id)".format, PATHS),
    st.builds("{}['a']".format, PATHS),
    st.builds("{}.exists(key, key == 'a')".format, PATHS),
    st.builds("{}.map(entry, entry)".format, PATHS),
    st.builds("type({}) == int".format, PATHS),
    st.builds("[{}, {{'is': {}}}]".format, PATHS, PATHS),
    st.builds("{} // as it is".format, PATHS),
    st.builds("response . json //\n . a == {}".format, PATHS),
    st.builds("(.response.json.a) == {}".format, PATHS),
    st.builds("[1, 2].all(response, response > 0) && {} == 2".format, PATHS),
    st.sampled_from(["1.0 / 0.0", "duration('1s')", "b'a'", "response.time < duration('1s')", "response.headers.a"]),
)


def alone(program: Program, values: dict[str, Any]) -> Any:
    try:
        return program.evaluate(values)
    except (EvaluationError, RecursionError):
        return EvaluationError


@given(VALUES, st.lists(EXPRESSIONS, max_size=3), st.lists(EXPRESSIONS, max_size=3))
def test_together_they_come_to_what_each_comes_to(answer: Any, expect: list[str], capture: list[str]) -> None:
    values: dict[str, Any] = {
        "captures.before": 1,
        "response.status": 200,
        "response.headers": {"b": "c"},
        "response.text": "abc",
        "response.time": timedelta(milliseconds=10),
        "response.json": answer,
    }
    held = [alone(SCOPE.compile(expression), values) is True for expression in expect]
    taken = {f"captures.c{number}": alone(SCOPE.compile(text), values) for number, text in enumerate(capture)}
    evaluation = Evaluation(SCOPE, expect, {f"c{number}": text for number, text in enumerate(capture)})
    assert evaluation.checks == len(expect)
    wrong, captured = evaluation.evaluate(values)
    assert wrong == held.count(False)
    if not wrong:
        assert captured == (None if EvaluationError in taken.values() else taken)
        assert captured is None or [type(value) for value in captured.values()] == list(map(type, taken.values()))


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("response.json.a.b == 1", {"a": {"b": None}}),
        ("response.json.a.b == 1 && response.json.a == {}", {"a": None}),
        ("response.json.a == {} || response.json.a.b.c == 1", {"a": None}),
        ("response.json.items.size() > 0", {"items": None}),
        ("response.json.a[0].b", {"a": None}),
        ("response\n.json // the answer\n.a", {"a": None}),
        ("size(response.json)", None),
        ("response.json.size() == 1", None),
        ("response.json['a'] == 1", None),
        ("response.status == 200", {}),
        ("response.jsonish == 1 || x.response.json == 2", {}),
    ],
)
def test_the_parts_of_an_answer_that_an_expression_reads(expression: str, read: Any) -> None:
    assert parts([expression]) == read


def test_what_is_not_read_is_not_handed_over() -> None:
    answer = {"id": 7, "items": [{"price": 1}] * 1000, "customer": {"name": "Ada", "notes": ["x"] * 1000}}
    assert picked(answer, {"id": None, "customer": {"name": None}, "gone": None}) == {
        "id": 7,
        "customer": {"name": "Ada"},
    }


TEXTS = VALUES.map(json.dumps) | st.sampled_from(
    [
        "", "[1,]", "NaN", "-Infinity", "01", "1e999", "-0.0", "1 2", '"\\ud83d"', '"\\ud83d\\ude00"', '"\0"', '"\x01"',
        '{"a": 1, "a": 2}', "\ufeff1", "123456789012345678901234567890", "[" * 300 + "]" * 300, "5e-324", "0.1",
    ]
)  # fmt: skip


@given(TEXTS.map(str.encode) | st.binary(max_size=8))
def test_json_is_read_as_pythons_own_reader_has_it(body: bytes) -> None:
    expected = "no JSON"
    with suppress(ValueError):
        expected = repr(json.loads(body.decode(errors="replace").replace("\0", "\ufffd")))
    found = "no JSON"
    with suppress(ValueError):
        found = repr(parsed(body))
    assert found == expected
