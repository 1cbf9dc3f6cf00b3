"""A page of the documentation into which the figures of a run are written."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from e2e.bench import table
from e2e.bench.figure import Figure
from e2e.bench.machine import Machine

_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"


def write(page: Path, figures: Iterable[Figure], machine: Machine, part: str | None) -> None:
    """Writes what was measured between the two marks of a page, in place of what was there.

    Args:
        page: The page.
        figures: What was measured.
        machine: On what.
        part: What was asked for; everything if None.

    Raises:
        ValueError: The page has no such marks.
    """
    figures = list(figures)
    text = page.read_text(encoding="utf-8")
    only = f" ONLY={part}" if part else ""
    said = [
        f"`make bench{only} PAGE={page}` on {datetime.now(UTC):%Y-%m-%d}: {machine}.",
        *([f"Warning: {machine.warning}."] if machine.warning else []),
        table.markdown(figures).rstrip(),
        *_versions(figures),
    ]
    found = re.compile(rf"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not found.search(text):
        raise ValueError(f"{page} has no {_BEGIN} and {_END}, between which figures are written")
    measured = "\n\n".join([_BEGIN, *said, _END])
    page.write_text(found.sub(lambda _: measured, text), encoding="utf-8")


def _versions(figures: list[Figure]) -> list[str]:
    """What the programs say of their versions, each once."""
    versions = {name: text for figure in figures for name, text in figure.versions.items()}
    return ["Versions: " + ", ".join(f"{name} ({text})" for name, text in versions.items()) + "."] if versions else []
