"""A line of output: words, and what each of them means for the reader. How that looks is for whoever prints it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Tone(StrEnum):
    """What a word means for the reader."""

    PLAIN = "plain"
    HEADING = "heading"
    QUIET = "quiet"
    BUSY = "busy"
    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True)
class Span:
    """Some words with one tone.

    Control characters become spaces: messages quote what services answered, and no service may move the reader's
    cursor or begin a line of its own in a CI log.
    """

    text: str
    tone: Tone = Tone.PLAIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _CONTROL.sub(" ", self.text))


@dataclass(frozen=True)
class Line:
    """Spans that follow one another on one line."""

    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        return "".join(span.text for span in self.spans).rstrip()


Words: TypeAlias = str | Span


def span(words: Words) -> Span:
    """Takes plain text as a span without a tone."""
    return words if isinstance(words, Span) else Span(words)


def line(*words: Words) -> Line:
    """Makes a line of words, which bring their own spaces."""
    return Line(tuple(span(part) for part in words))


def columns(rows: Sequence[Sequence[Words]], *, indent: int = 2, right: frozenset[int] = frozenset()) -> list[Line]:
    """Lays rows out as a table.

    Args:
        rows: The cells; each row may be shorter than the others. What stands in the last column may be long.
        indent: Spaces before the first column.
        right: Columns that are aligned to the right, counted from 0.
    """
    cells = [[span(cell) for cell in row] for row in rows]
    count = max((len(row) for row in cells), default=0)
    widths = [max((len(row[column].text) for row in cells if column < len(row)), default=0) for column in range(count)]
    widths[-1:] = [widths[-1] if count - 1 in right else 0] if count else []
    lines = []
    for row in cells:
        spans = [Span(" " * indent)]
        for column, cell in enumerate(row):
            padding = Span(" " * (widths[column] - len(cell.text)))
            spans += [padding, cell] if column in right else [cell, padding]
            spans.append(Span("  "))
        lines.append(Line(tuple(part for part in spans if part.text)))
    return lines
