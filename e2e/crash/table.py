"""What was found, as a page of the documentation."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from e2e.crash.trial import Found

_HEAD = """\
# The crash test

    make crash

The operator runs as a process of its own beside a real cluster and is killed (`os._exit`, no cleaning up) right after
its k-th write to the API server, for every k of one run: three services, setup, five steps (one of them a POST, one
load) and teardown. It is then started again without a fault. The trial must end with the same verdict as without a
crash, and with the same objects, none made twice and none left. The code is `e2e/crash`, the faults are `e2e/faults`.

A POST that was on record as sent when the operator died, and of whose answer nothing is known, ends as
`Error (Interrupted)`: Seatrial never sends it a second time by itself
([why](../architecture.md#why-a-crash-changes-nothing)). Everything else is a deviation.

The same faults, and lost answers, 409, 429 with Retry-After, 500 and cut watches, strike at every write in process on
each run of the unit tests: `tests/engine/test_crash.py`.
"""
_COLUMNS = ("k", "what was written", "verdict", "left", "made twice", "deviations")


def row(found: Found, plain: Found) -> tuple[str, ...]:
    """Returns the cells of a trial."""
    lists = (found.left, found.twice, found.deviations(plain))
    return (str(found.at or "none"), found.wrote, found.verdict, *("; ".join(entries) or "0" for entries in lists))


def page(rows: Sequence[tuple[str, ...]]) -> str:
    """Renders the page."""
    deviating = sum(cells[-1] != "0" for cells in rows)
    lines: Iterable[tuple[str, ...]] = (_COLUMNS, ("---",) * len(_COLUMNS), *rows)
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f"{_HEAD}\n{len(rows) - 1} crashes, {deviating} deviations.\n\n{table}"


def read(file: Path) -> list[tuple[str, ...]]:
    """Reads the rows of a page, so that a test that was interrupted goes on where it was."""
    if not file.exists():
        return []
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
