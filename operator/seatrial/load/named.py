"""Results of a script's requests, which have their names in the workers' lines: each worker meets its own."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from seatrial.load.line import RequestLine, WorkerLine

#: Most requests with results of their own; further ones are counted together under this name.
MOST_NAMES = 50
OTHER = "(other)"
#: Requests that thresholds name have three significant digits, if they are not more.
_PRECISE_NAMES = 8


def name_digits(name: str, named: Collection[str]) -> int:
    """Significant digits of the histogram of a request.

    Args:
        name: Its name.
        named: Names of requests that thresholds name.
    """
    return 3 if name in named and len(named) <= _PRECISE_NAMES else 2


@dataclass(frozen=True)
class Named:
    """One request of a script, as all workers together have met it.

    Attributes:
        name: Its name.
        lines: What they tell of it, with the number of the worker.
        digits: Significant digits of its histogram.
    """

    name: str
    lines: tuple[tuple[int, RequestLine], ...]
    digits: int

    @property
    def requests(self) -> int:
        """Requests that ended."""
        return sum(line.requests for _, line in self.lines)

    @property
    def errors(self) -> int:
        """Those that ended badly."""
        return sum(line.errors for _, line in self.lines)


def by_name(lines: Sequence[WorkerLine], named: Sequence[str]) -> list[Named]:
    """Puts together what workers tell of each request.

    A worker that has met too many names counts those that came last together. A name that another worker tells and
    this one does not may be among them: it is counted with the others then, as its own result would not be whole.

    Args:
        lines: The newest line of each worker.
        named: Names of requests that thresholds name, which every worker keeps.

    Returns:
        Those named in their order, then the others with the most requests first, and the rest of them in one.
    """
    found: dict[str, list[tuple[int, RequestLine]]] = {name: [] for name in named}
    for line in lines:
        for each in line.by_request:
            found.setdefault(each.name or OTHER, []).append((line.worker, each))
    rest = found.pop(OTHER, [])
    full = {worker for worker, _ in rest}
    whole = {name: told for name, told in found.items() if name in named or full <= {worker for worker, _ in told}}
    others = sorted(whole.keys() - set(named), key=lambda name: (-_requests(whole[name]), name))
    order = [*named, *others]
    kept = order if len(order) <= MOST_NAMES and len(whole) == len(found) and not rest else order[: MOST_NAMES - 1]
    rest += [each for name, told in found.items() if name not in kept for each in told]
    result = [Named(name, tuple(whole[name]), name_digits(name, named)) for name in kept]
    return [*result, Named(OTHER, tuple(rest), 2)] if rest else result


def _requests(told: Iterable[tuple[int, RequestLine]]) -> int:
    return sum(line.requests for _, line in told)
