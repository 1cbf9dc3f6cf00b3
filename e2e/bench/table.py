"""Figures as a table, for a terminal and for the documentation."""

from collections.abc import Iterable

from e2e.bench.figure import Figure

_HEAD = ("name", "value", "target", "", "beside")


def text(figures: Iterable[Figure]) -> str:
    """Renders columns for a terminal."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def markdown(figures: Iterable[Figure]) -> str:
    """Renders a Markdown table."""
    rows = [_HEAD, ("---",) * len(_HEAD), *((f"`{row[0]}`", *row[1:]) for row in map(_row, figures))]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    bound = "≤" if figure.better == "lower" else "≥"
    beside = ", ".join(f"{name} {_number(value)}" for name, value in figure.beside.items())
    return (
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        f"{bound} {_number(figure.target)} {figure.unit}",
        "ok" if figure.met else "missed",
        beside,
    )


def _number(value: float) -> str:
    """Writes a number as it was rounded by who measured it, thousands apart."""
    return f"{int(value):,}" if value == int(value) else f"{value:,}"
