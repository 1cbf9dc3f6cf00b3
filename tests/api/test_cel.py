"""Expressions: what is wrong in the manifest is an error there, and nothing an answer holds can hold us up."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.cel import TRANSFORMED, EvaluationError, ExpressionError, http_scope, template_scope
from seatrial.api.threshold import threshold_scope

HTTP = http_scope(frozenset({"id"}))


def value(expression: str, **values: Any) -> Any:
    return HTTP.compile(expression).evaluate({name.replace("_", "."): given for name, given in values.items()})


@pytest.mark.parametrize(
    ("expression", "answer", "expected"),
    [
        ("response.status == 201", {"response_status": 201}, True),
        ("response.json.total > 0", {"response_json": {"total": 1.5}}, True),
        ("response.json.total == 1", {"response_json": {"total": 1.0}}, True),
        ("response.json.items.exists(i, i.sku == 'A1')", {"response_json": {"items": [{"sku": "A1"}]}}, True),
        ("response.headers['a'].startsWith('text/')", {"response_headers": {"a": "text/a"}}, True),
        ("response.time < duration('1s')", {"response_time": timedelta(seconds=2)}, False),
        ("response.text.matches('^o+k$')", {"response_text": "ook"}, True),
        ("captures.id == 7", {"captures_id": 7}, True),
        ("response.json", {"response_json": [1, {"a": None}]}, [1, {"a": None}]),
        ("response.time", {"response_time": timedelta(seconds=1.5)}, "1.5s"),
        ("b'abc'", {}, "abc"),
        ("{1: 2u}", {}, {"1": 2}),
        ("timestamp('2020-01-01T00:00:00Z')", {}, "2020-01-01 00:00:00+00:00"),
        ("response.text.split(',').map(part, part + '!')", {"response_text": "a,b"}, ["a!", "b!"]),
    ],
)  # fmt: skip
def test_expressions_have_plain_values(expression: str, answer: dict[str, Any], expected: Any) -> None:
    assert value(expression, **answer) == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("respons.status == 200", ["undeclared reference to 'respons.status'", "did you mean 'response.status'?"]),
        ("captures.order == 1", ["undeclared reference to 'captures.order'", "captures.id"]),
        ("response.status == '200'", ["at column 17: == does not go with (int, string)"]),
        ("zzz == 1", ["undeclared reference to 'zzz'; known here are response.status, response.headers"]),
        ("response.status = 200", ["write == to compare"]),
        ("response.time + 1 == 2", ["+ does not go with (duration, int)"]),
        ("response.status ==", ["at column ", "Syntax error"]),
        ("response.status\n== 1 +", ["at line 2, column "]),
        ("response.time < 1", ["write durations as duration('250ms')"]),
        ("(" * 60 + "1" + ")" * 60, ["recursion limit"]),
    ],
)
def test_what_is_wrong_whatever_the_answer_is_told_with_place_and_remedy(expression: str, says: list[str]) -> None:
    with pytest.raises(ExpressionError) as raised:
        HTTP.compile(expression)
    for words in says:
        assert words in str(raised.value)
    assert "INVALID_ARGUMENT" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("latency.p99 < 250", "write durations as duration('250ms')"),
        ("errors.rate < 1", "write the number with a decimal point, for example 1.0"),
        ("latency.p98 < duration('1s')", "did you mean 'latency.p99'?"),
    ],
)
def test_thresholds_that_compare_apples_with_pears_name_the_remedy(expression: str, remedy: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        threshold_scope().compile(expression)
    assert remedy in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "answer", "says"),
    [
        ("response.json.a == 1", {}, "the answer's body is not JSON"),
        ("response.json.a == 1", {"response_json": {}}, 'Key not found in map : "a"'),
        ("response.headers['x'] == 'y'", {"response_headers": {}}, 'Key not found in map : "x"'),
        ("1 / (response.status - 200)", {"response_status": 200}, "divide by zero"),
        ("response.text.matches('(')", {"response_text": "a"}, "invalid regular expression"),
        ("response.json.big == 1", {"response_json": {"big": 2**70}}, "out of range"),
        ("0.0 / 0.0", {}, "its value is nan, which is no number that JSON can hold"),
        ("[1.0 / 0.0]", {}, "its value is inf"),
    ],
)
def test_what_has_no_value_for_this_answer_says_why(expression: str, answer: dict[str, Any], says: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        value(expression, **answer)
    assert says in str(raised.value)


def test_what_is_not_read_need_not_be_there() -> None:
    assert value("true || response.json.a == 1") is True


@pytest.mark.parametrize(
    ("expression", "boolean"),
    [("response.status == 1", True), ("response.json", True), ("response.status", False), ("'a'", False)],
)
def test_it_is_known_what_can_be_true(expression: str, boolean: bool) -> None:
    assert HTTP.compile(expression).boolean is boolean


def test_it_is_known_what_an_expression_reads() -> None:
    program = threshold_scope().compile("latency.p99 < duration('1s') && latency.p999 < duration('2s')")
    assert program.reads == ("latency.p99", "latency.p999")
    assert HTTP.compile("response.status == 1").reads == ("response.status",)
    assert template_scope(frozenset({"a", "ab"})).compile("captures.ab").reads == ("captures.ab",)


@pytest.mark.parametrize(
    "expression",
    [
        "response.json.all(a, response.json.all(b, a + b >= 0))",
        "response.json.exists(a, response.json.exists(b, a + b < 0))",
    ],
)
def test_nested_comprehensions_stop_at_the_budget(expression: str) -> None:
    with pytest.raises(EvaluationError, match="Iteration budget exceeded"):
        value(expression, response_json=list(range(2000)))


@pytest.mark.parametrize("expression", ["response.json.map(a, a)", "response.json . filter (a, true)"])
def test_what_copies_its_result_for_each_entry_takes_few(expression: str) -> None:
    assert len(value(expression, response_json=list(range(TRANSFORMED)))) == TRANSFORMED
    for many in (list(range(TRANSFORMED + 1)), {"deep": [{"in": list(range(TRANSFORMED + 1))}]}):
        with pytest.raises(
            EvaluationError, match=r"response\.json has 1001 entries, and map and filter take at most 1000"
        ):
            value(expression, response_json=many)


def test_a_long_text_is_not_split_for_it_either() -> None:
    with pytest.raises(EvaluationError, match=r"response\.text has 5000 characters to split"):
        value("response.text.split('').map(a, a)", response_text="a" * 5000)
    assert value("response.text.split('').size()", response_text="a" * 5000) == 5000


def test_a_hostile_regular_expression_is_linear() -> None:
    assert value("response.text.matches('(a+)+$')", response_text="a" * 50_000 + "b") is False


#: Without NUL, at which the library ends a text.
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_a_captured_value_is_what_the_answer_held(answer: Any) -> None:
    assert value("response.json", response_json=answer) == answer


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_a_mistake(expression: str) -> None:
    with suppress(ExpressionError, EvaluationError):
        HTTP.compile(expression).evaluate({"response.status": 200})
