"""How lines look on a terminal and in a log."""

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from seatrial.report.line import Line, Tone

_STYLES = {
    Tone.PLAIN: "",
    Tone.HEADING: "bold",
    Tone.QUIET: "dim",
    Tone.BUSY: "cyan",
    Tone.GOOD: "green",
    Tone.DOUBTFUL: "yellow",
    Tone.BAD: "bold red",
}


def console_for(stream: TextIO) -> Console:
    """Makes a console that leaves text as it is, but for colour on a terminal."""
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def interactive(console: Console) -> bool:
    """Whether a person watches: a terminal, and not that of a CI system, which keeps what was drawn over."""
    return console.is_terminal and not console.is_dumb_terminal and os.environ.get("CI", "").lower() in {"", "false"}


def styled(line: Line) -> Text:
    """The line with its colours."""
    return Text.assemble(*((span.text, _STYLES[span.tone]) for span in line.spans))


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    """Prints lines whole: a log's reader searches them, and a terminal wraps them by itself."""
    for line in lines:
        text = styled(line)
        text.rstrip()
        console.print(text, soft_wrap=True)


def complain(lines: Iterable[Line]) -> None:
    """Prints lines on standard error."""
    print_lines(console_for(sys.stderr), lines)
