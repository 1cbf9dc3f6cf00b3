"""Progress on a terminal is drawn and makes room for the summary; a CI system gets lines, terminal or not."""

import io
from typing import Any

import pytest
from rich.console import Console

from seatrial.cli.printing import console_for, interactive, print_lines
from seatrial.cli.reading import parse_status
from seatrial.cli.screen import LiveScreen, LogScreen
from seatrial.kube.resources import TEST_SCENARIOS
from seatrial.report.line import Span, Tone, line


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=60, height=30, color_system="standard")


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_the_run_as_it_is(terminal: Console, command: Any) -> None:
    with LiveScreen(terminal, "TestScenario shop/checkout") as screen:
        screen.wait("waiting for the operator")
        assert isinstance(screen, LiveScreen)
        screen._live.refresh()
        assert "waiting for the operator" in text_of(terminal)
        screen.show(parse_status(TEST_SCENARIOS, command.running(1)))
        screen._live.refresh()
        drawn = text_of(terminal)
    assert "orders" in drawn
    assert "Healthy" in drawn
    assert "\x1b[32m✔" in drawn


def test_a_long_message_takes_one_line_of_the_terminal(terminal: Console, command: Any) -> None:
    status = command.running(1)
    status["steps"][0]["message"] = "long " * 50
    with LiveScreen(terminal, "title") as screen:
        screen.show(parse_status(TEST_SCENARIOS, status))
        assert isinstance(screen, LiveScreen)
        screen._live.refresh()
    assert "…" in text_of(terminal)


def test_a_note_stays_on_the_terminal(terminal: Console) -> None:
    with LiveScreen(terminal, "title") as screen:
        screen.note("no operator")
    assert "no operator\x1b[0m\n" in text_of(terminal)


def test_lines_for_a_log_are_whole_and_plain() -> None:
    out = io.StringIO()
    screen = LogScreen(console_for(out))
    screen.note("[bold]word " * 40)
    screen.wait("waiting")
    screen.wait("waiting")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0][9:].startswith("[bold]word [bold]word")


@pytest.mark.parametrize(("ci", "drawn"), [("", True), ("false", True), ("true", False), ("1", False)])
def test_a_ci_system_is_not_drawn_on(
    terminal: Console,
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    drawn: bool,
) -> None:
    monkeypatch.setenv("CI", ci)
    assert interactive(terminal) is drawn


def test_every_tone_has_a_look(terminal: Console) -> None:
    print_lines(terminal, [line(*(Span(tone.value, tone) for tone in Tone))])
    assert "\x1b[1;31mbad" in text_of(terminal)
