"""YAML is read as kubectl reads it, with the line of every field, and a lost value is never silent."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seatrial.cli.documents import UnreadableYaml, documents


def read(text: str) -> list[Any]:
    return [document.content for document in documents(text)]


def test_empty_documents_are_left_out() -> None:
    assert read("---\n---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("text", ["12:30", "12:30:45.5", "2026-11-22", "2026-11-22T10:00:00Z"])
def test_what_kubectl_sends_as_text_is_text(text: str) -> None:
    assert read(f"value: {text}") == [{"value": text}]


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("-1.5", -1.5), ("0x10", 16), ("yes", True), ("~", None)])
def test_other_scalars_are_what_they_are(text: str, value: Any) -> None:
    assert read(f"value: {text}") == [{"value": value}]


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x:\n  - {a: 1,\n     b: 2,\n     a: 3}\n"])
def test_a_key_that_is_given_twice_is_refused(text: str) -> None:
    with pytest.raises(UnreadableYaml, match="'a' is given twice, first in line") as refused:
        read(text)
    assert refused.value.line == text[: text.rindex("a: 3")].count("\n") + 1


def test_a_value_may_be_merged_and_overridden() -> None:
    text = "base: &base {a: 1, b: 2}\nmore: &more\n  <<: *base\n  b: 3\nlast:\n  <<: *more\n  b: 4\n"
    assert read(text)[0]["last"] == {"a": 1, "b": 4}


def test_a_node_that_leads_back_to_itself_is_read() -> None:
    [content] = read("a: &a\n  b: *a\n")
    assert content["a"]["b"] is content["a"]


@pytest.mark.parametrize(
    ("text", "line"), [("a: [1\nb: 2\n", 2), ("a:\n\t- 1\n", 2), ("a: 'x\n", 2), ("a: !!python/none x", 1)]
)
def test_an_error_of_syntax_has_its_line(text: str, line: int) -> None:
    with pytest.raises(UnreadableYaml, match="is not YAML: ") as refused:
        read(text)
    assert refused.value.line == line


@pytest.mark.parametrize("text", ['a: "\x01"', "[" * 5000])
def test_text_that_no_parser_takes_is_refused(text: str) -> None:
    with pytest.raises(UnreadableYaml):
        read(text)


def test_each_field_has_its_line() -> None:
    [document] = documents(
        "spec:\n  steps:\n    - name: a\n    - name: b\n      http:\n        port: x\n  flow: [{a: 1}, {b: 2}]\n"
    )
    lines = {
        field: document.line(field)
        for field in ("spec", "spec.steps[0]", "spec.steps[1].http.port", "spec.flow[1].b", "spec.steps[1].job.image")
    }
    assert list(lines.values()) == [1, 3, 6, 7, 4]  # of what is missing, the closest thing above


def test_the_line_is_that_of_the_value_that_counts() -> None:
    [document] = documents("spec:\n  <<: {a: 1}\n  a: 2\n")
    assert document.line("spec.a") == 3


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(_json.filter(lambda content: content is not None))
def test_every_document_that_can_be_written_is_read(content: Any) -> None:
    assert read(yaml.safe_dump(content)) == [content]
