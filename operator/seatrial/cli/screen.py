"""Showing a run while it goes on: drawn on a terminal, line by line in a log."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from seatrial.api.status import TrialStatus
from seatrial.cli.printing import console_for, interactive, print_lines, styled
from seatrial.report.board import board
from seatrial.report.line import Line, Span, Tone, line
from seatrial.report.progress import changes


class Screen(Protocol):
    """Where one run is shown."""

    def __enter__(self) -> Self:
        """Begins to show it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the screen tidy, whatever happened."""

    def wait(self, message: str) -> None:
        """Shows what is waited for before the run starts."""

    def show(self, status: TrialStatus) -> None:
        """Shows the run as it is now."""

    def note(self, message: str) -> None:
        """Says something that is not in the status."""


class LogScreen:
    """A line with its time for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._before: TrialStatus | None = None
        self._waiting = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def wait(self, message: str) -> None:
        """See Screen."""
        if message != self._waiting:
            self._waiting = message
            self._print([line(message)])

    def show(self, status: TrialStatus) -> None:
        """See Screen."""
        self._print(changes(self._before, status))
        self._before = status

    def note(self, message: str) -> None:
        """See Screen."""
        self._print([line(Span(message, Tone.DOUBTFUL))])

    def _print(self, lines: Iterable[Line]) -> None:
        time = Span(f"{datetime.now().astimezone():%H:%M:%S} ", Tone.QUIET)
        print_lines(self._console, [Line((time, *each.spans)) for each in lines])


class LiveScreen:
    """The whole run, drawn again a few times a second; it makes room for the summary at the end."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._status: TrialStatus | None = None
        self._waiting = "applied"
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def wait(self, message: str) -> None:
        """See Screen."""
        self._waiting = message

    def show(self, status: TrialStatus) -> None:
        """See Screen."""
        self._status = status

    def note(self, message: str) -> None:
        """See Screen."""
        print_lines(self._console, [line(Span(message, Tone.DOUBTFUL))])

    def _draw(self) -> Group:
        title = Text(self._title, style="bold")
        if self._status is None:
            return Group(title, Text(self._waiting, style="dim", no_wrap=True, overflow="ellipsis"))
        drawn = [styled(each) for each in board(self._status, datetime.now(UTC), height=self._console.height - 2)]
        for text in drawn:
            text.no_wrap, text.overflow = True, "ellipsis"
        return Group(title, *drawn)


class Output:
    """Where ``seatrial run`` prints: progress and results.

    Args:
        machine: Standard output belongs to a program; people are told on standard error.
    """

    def __init__(self, *, machine: bool) -> None:
        self._console = console_for(sys.stderr if machine else sys.stdout)

    def screen(self, title: str) -> Screen:
        """Opens a screen for one run."""
        if interactive(self._console):
            return LiveScreen(self._console, title)
        print_lines(self._console, [line(Span(title, Tone.HEADING))])
        return LogScreen(self._console)

    def print(self, lines: Iterable[Line]) -> None:
        """Prints lines for people."""
        print_lines(self._console, lines)
