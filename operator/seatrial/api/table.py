"""Lines of comma-separated values whose first line names the columns."""

import csv
import io

from seatrial.api.exchange import Data


class TableError(ValueError):
    """The text is no table; the message says which line and why."""


def table(text: str) -> tuple[list[str], list[list[str]]]:
    """Reads a table.

    Args:
        text: Its lines.

    Returns:
        The names of the columns, and the lines with a value for each.

    Raises:
        TableError: There are no values, or a line does not fit the first.
    """
    rows = [row for row in csv.reader(io.StringIO(text.strip("\n"))) if row]
    if len(rows) < 2:
        raise TableError("needs a line with the names of the columns and at least one with values")
    titles = rows[0]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(titles):
            raise TableError(f"line {number} has {len(row)} values and there are {len(titles)} columns")
    if wrong := next((title for title in titles if not (title.isidentifier() and title.isascii())), None):
        raise TableError(f"column {wrong!r} cannot be used in an expression: use letters, digits and underscores")
    if len(set(titles)) < len(titles):
        raise TableError("two columns have the same name: rename one")
    return titles, rows[1:]


def variables(data: list[Data]) -> tuple[tuple[str, str], ...]:
    """The variables that data give values to, with their types in CEL.

    Raises:
        TableError: A CSV is no table.
    """
    found: list[tuple[str, str]] = []
    for entry in data:
        name = f"data.{entry.name}"
        if entry.csv:
            found += [(f"{name}.{title}", "string") for title in table(entry.csv)[0]]
        else:
            found.append((name, "int" if entry.sequence is not None else "string"))
    return tuple(found)
