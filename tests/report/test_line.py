"""Lines hold what was said and nothing that could pass for more."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.report.line import Span, Tone, columns, line


@given(st.text())
def test_no_message_breaks_its_line_or_commands_the_terminal(message: str) -> None:
    assert len(str(line("a ", message, " b")).splitlines()) == 1
    assert all(character.isprintable() or ord(character) > 0x9F for character in Span(message).text)


def test_columns_are_aligned() -> None:
    rows = [("a", Span("long", Tone.GOOD), "1"), ("bbb", "c", "200", "note"), ("d",)]
    assert [str(each) for each in columns(rows, right=frozenset({2}))] == [
        "  a    long    1",
        "  bbb  c     200  note",
        "  d",
    ]


def test_a_table_without_rows_has_no_lines() -> None:
    assert columns([]) == []


@given(st.lists(st.lists(st.text("ab", max_size=5), max_size=4), max_size=4), st.frozensets(st.integers(0, 3)))
def test_every_cell_is_in_its_table(rows: list[list[str]], right: frozenset[int]) -> None:
    lines = columns(rows, right=right)
    assert len(lines) == len(rows)
    for row, each in zip(rows, lines, strict=True):
        assert str(each).split() == [cell for cell in row if cell]
