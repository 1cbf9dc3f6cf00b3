"""The course of a load, from the workers' cumulative lines.

Each line holds everything since its worker's start, so the difference of two of them is what happened in between. A
line that is missed costs resolution and never counts: the next one's difference has them. Lines are put into windows
by the measured time that they tell, not by when they were read, so whoever reads them later finds the same windows.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from seatrial.api.timeline import Window
from seatrial.load.histogram import coarse_places, coarse_value
from seatrial.load.line import LineError, WorkerLine
from seatrial.load.statistics import added

#: Windows of a load at most. When there are more, pairs of neighbours become one, and windows are twice as long.
WINDOWS = 240

#: Lines that may wait for those of other workers; 1,000 of them take about 5 MiB.
_WAITING = 3000


@dataclass
class _Window:
    """A window in the making; its latencies by place in a histogram of two digits, 12 bytes each."""

    seconds: float
    requests: int
    errors: int
    in_flight: float
    places: "array[int]"
    counts: "array[int]"

    def add(self, other: "_Window") -> None:
        """Adds one that follows it."""
        seconds = self.seconds + other.seconds
        if seconds:
            self.in_flight = (self.in_flight * self.seconds + other.in_flight * other.seconds) / seconds
        self.seconds = seconds
        self.requests += other.requests
        self.errors += other.errors
        both = dict(zip(self.places, self.counts, strict=True))
        for place, count in zip(other.places, other.counts, strict=True):
            both[place] = both.get(place, 0) + count
        self.places, self.counts = _packed(both)

    def shown(self, at: float) -> Window:
        """Words it."""
        p50, p95, p99 = (self._quantile(percent) for percent in (50, 95, 99))
        return Window(
            at=round(at, 3),
            seconds=round(self.seconds, 3),
            requests=self.requests,
            errors=self.errors,
            in_flight=round(self.in_flight, 1),
            p50=p50,
            p95=p95,
            p99=p99,
        )

    def _quantile(self, percent: int) -> float | None:
        total = sum(self.counts)
        wanted, reached = max(int(percent * total / 100 + 0.5), 1), 0
        for place, count in zip(self.places, self.counts, strict=True):
            reached += count
            if reached >= wanted:
                return coarse_value(place) / 1000
        return None


class Course:
    """Turns the lines of a load's workers into windows.

    Args:
        workers: Number of the workers.
        limit: Windows at most.
    """

    def __init__(self, workers: int, limit: int = WINDOWS) -> None:
        self._limit = limit
        self._width = 1
        self._windows: dict[int, _Window] = {}
        self._expected = set(range(workers))
        self._reached: dict[int, int] = {}
        self._waiting: dict[int, dict[int, WorkerLine]] = {}
        self._folded: dict[int, WorkerLine] = {}
        self._counts: list[int] = []

    def take(self, line: WorkerLine) -> None:
        """Takes in a line, which must be newer than those of the same worker before."""
        if line.measured > 0:
            second = max(int(line.measured - 0.5), 0)
            self._waiting.setdefault(second, {})[line.worker] = line
            self._reached[line.worker] = second
        if line.last:
            self._expected.discard(line.worker)
        self._close()

    def give_up(self, worker: int) -> None:
        """Waits for no further line of a worker."""
        self._expected.discard(worker)
        self._close()

    def windows(self) -> tuple[Window, ...]:
        """All windows up to now, those included of which not all workers have told."""
        for second in sorted(self._waiting):
            self._fold(second)
        return tuple(window.shown((place + 1) * self._width) for place, window in sorted(self._windows.items()))

    def _close(self) -> None:
        """Folds every second that all workers are beyond of, and the first one if too much waits."""
        beyond = min((self._reached.get(worker, -1) for worker in self._expected), default=None)
        for second in sorted(self._waiting):
            lines = sum(map(len, self._waiting.values()))
            if (beyond is None or second >= beyond) and lines <= _WAITING:
                break
            if beyond is None and not self._expected:
                break  # windows() has the rest
            self._fold(second)

    def _fold(self, second: int) -> None:
        lines = self._waiting.pop(second)
        newest = self._folded | lines
        try:
            histogram = added({worker: line.latency for worker, line in newest.items()}, 3)
        except LineError:
            return  # the next line of that worker holds all that this one does
        counts = histogram.counts()
        window = _difference(self._folded, lines)
        window.places, window.counts = _packed(_coarse(counts, self._counts))
        self._folded, self._counts = newest, counts
        self._put(second // self._width, window)

    def _put(self, place: int, window: _Window) -> None:
        known = self._windows.setdefault(place, window)
        if known is not window:
            known.add(window)
        while len(self._windows) > self._limit:
            self._width *= 2
            before, self._windows = self._windows, {}
            for old, one in sorted(before.items()):
                self._put(old // 2, one)


def _difference(before: Mapping[int, WorkerLine], lines: Mapping[int, WorkerLine]) -> _Window:
    """Everything but latencies. Workers measure side by side: their mean time is the window's."""
    pairs = [(line, before.get(worker)) for worker, line in lines.items()]
    seconds = [line.measured - (earlier.measured if earlier else 0) for line, earlier in pairs]
    return _Window(
        seconds=sum(seconds) / len(seconds),
        # No worker takes counts back; a line that does is somebody else's, and must not end the reading of all.
        requests=sum(max(line.requests - (earlier.requests if earlier else 0), 0) for line, earlier in pairs),
        errors=sum(max(_errors(line) - (_errors(earlier) if earlier else 0), 0) for line, earlier in pairs),
        in_flight=sum(line.in_flight for line, _ in pairs),
        places=array("I"),
        counts=array("Q"),
    )


def _errors(line: WorkerLine) -> int:
    return sum(line.errors.values())


def _coarse(after: list[int], before: list[int]) -> dict[int, int]:
    """What has been added between two histograms, by place in one of two digits."""
    found: dict[int, int] = {}
    places = coarse_places()
    for place, (new, old) in enumerate(zip_longest(after, before, fillvalue=0)):
        if new > old:
            coarse = places[place]
            found[coarse] = found.get(coarse, 0) + new - old
    return found


def _packed(counts: Mapping[int, int]) -> tuple["array[int]", "array[int]"]:
    places = sorted(counts)
    return array("I", places), array("Q", (counts[place] for place in places))
