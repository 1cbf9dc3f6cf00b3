"""The file that a run of benchmarks leaves: a list of figures."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from e2e.bench.figure import Figure


def write(figures: Iterable[Figure], file: Path) -> None:
    """Writes figures to a file, and makes its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")


def read(file: Path) -> list[Figure]:
    """Reads figures from a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It does not hold a list of figures.
    """
    entries = json.loads(file.read_text(encoding="utf-8"))
    try:
        return [Figure(**entry) for entry in entries]
    except TypeError as error:
        raise ValueError(f"{file} does not hold a list of figures: {error}") from error
