"""Text with expressions in it."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.cel import EvaluationError, ExpressionError, template_scope
from seatrial.api.template import expressions, render, render_json, unfinished

SCOPE = template_scope(frozenset({"id", "list", "none"}))
VALUES: dict[str, Any] = {"run.id": "7", "captures.id": 12, "captures.list": [1, "a/b"], "captures.none": None}


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("/orders/${captures.id}", "/orders/12"),
        ("${run.id}-${captures.id}", "7-12"),
        ("${captures.list}", '[1, "a/b"]'),
        ("${captures.none}", "null"),
        ("${captures.id == 12}", "true"),
        ("${'a' + 'b'}", "ab"),
        ("$${captures.id}", "${captures.id}"),
        ("$$${run.id}", "$${run.id}"),
        ("$5 and $ {x} {y}", "$5 and $ {x} {y}"),
        ("", ""),
    ],
)
def test_each_expression_becomes_its_value(template: str, rendered: str) -> None:
    assert render(template, SCOPE, VALUES) == rendered


def test_values_are_quoted_and_the_text_around_them_is_not() -> None:
    values = {"captures.id": "a/b c?"}
    assert render("/x?q=${captures.id}", SCOPE, values, lambda value: quote(value, safe="")) == "/x?q=a%2Fb%20c%3F"


def test_a_value_is_not_rendered_again() -> None:
    assert render("${captures.id}", SCOPE, {"captures.id": "${run.id}", "run.id": "7"}) == "${run.id}"


def test_a_json_text_that_is_one_expression_keeps_its_type() -> None:
    body = {"id": "${captures.id}", "all": ["${captures.list}", "n ${captures.id}"], "${run.id}": True, "n": 1.5}
    assert render_json(body, SCOPE, VALUES) == {
        "id": 12,
        "all": [[1, "a/b"], "n 12"],
        "${run.id}": True,
        "n": 1.5,
    }


def test_an_expression_without_a_value_is_an_error() -> None:
    with pytest.raises(EvaluationError, match=r"captures\.id"):
        render("${captures.id}", SCOPE, {})
    with pytest.raises(ExpressionError, match=r"undeclared reference to 'captures\.idd'"):
        render("${captures.idd}", SCOPE, VALUES)


def test_expressions_are_found_wherever_they_are() -> None:
    value = {"a": ["${x} $${y}", {"b": "${z}${w}"}], "c": 5, "d": None}
    assert list(expressions(value)) == ["x", "z", "w"]


def test_what_looks_like_an_expression_and_is_none_is_found() -> None:
    assert list(unfinished({"a": ["${captures.id", "ok ${run.id} $${x"], "b": "${HOME:-{}}", "c": 1})) == [
        "${captures.id",
        "${HOME:-{}}",
    ]


@given(st.text(alphabet="ab${}", max_size=30))
def test_text_without_expressions_comes_out_as_it_was_but_for_the_escape(text: str) -> None:
    if list(expressions(text)):
        return
    assert render(text, SCOPE, {}) == text.replace("$${", "${")


@given(st.text(max_size=30))
def test_any_text_can_be_written_with_the_escape(text: str) -> None:
    escaped = text.replace("${", "$${")
    assert list(expressions(escaped)) == []
    assert list(unfinished(escaped)) == []
    assert render(escaped, SCOPE, {}) == text
