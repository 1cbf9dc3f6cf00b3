"""Names that name nothing, twice the same, or one another in a circle."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from seatrial.api.problem import Problem
from seatrial.api.schema_mistake import shown
from seatrial.api.suggestion import suggested


def unknown(field: str, name: str, what: str, known: Iterable[str]) -> Problem:
    """Says that a name names nothing, and what was meant."""
    return Problem(field, shown(name), f"no such {what}; {suggested(name, known)}")


def duplicates(field: str, names: list[str], remedy: str = "is used twice: rename one") -> Iterator[Problem]:
    """Names that are there twice."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(field, shown(name), remedy)


def cycle(field: str, edge: str, graph: Mapping[str, set[str]]) -> Iterator[Problem]:
    """A circle in what must be without."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that waits for it; people read it the other way round.
        path = " -> ".join(reversed(error.args[1]))
        yield Problem(field, path, f"{edge} goes round in a circle: take one {edge} out")
