"""The course of a load over time, as rows for a terminal and as series for a chart."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from seatrial.api.timeline import Timeline, UsePoint, Window

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
#: Columns of a row of blocks; more windows share one, which shows the greatest of them.
_COLUMNS: Final = 60


@dataclass(frozen=True)
class Series:
    """One quantity over time.

    Attributes:
        name: What it is called.
        unit: Its unit.
        points: Seconds of measured time, and the value then.
    """

    name: str
    unit: str
    points: tuple[tuple[float, float], ...]

    @property
    def greatest(self) -> float:
        """Its greatest value."""
        return max((value for _, value in self.points), default=0.0)


def series(timeline: Timeline) -> tuple[tuple[str, tuple[Series, ...]], ...]:
    """The quantities of a timeline, those of one scale together under their heading."""
    windows = timeline.windows
    observed = tuple(dict.fromkeys(point.name for point in timeline.use))
    return (
        ("Requests per second", (_of(windows, "rate", "/s", lambda one: one.rate),)),
        (
            "Latency from the intended start",
            (
                _of(windows, "p50", "ms", lambda one: one.p50),
                _of(windows, "p95", "ms", lambda one: one.p95),
                _of(windows, "p99", "ms", lambda one: one.p99),
            ),
        ),
        ("Requests in flight", (_of(windows, "in flight", "", lambda one: one.in_flight),)),
        (
            "Errors per second",
            (_of(windows, "errors", "/s", lambda one: one.errors / one.seconds if one.seconds else 0),),
        ),
        (
            "CPU of the busiest pod",
            tuple(_used(timeline, name, "CPU", "cores", lambda one: one.cpu) for name in observed),
        ),
        (
            "Memory of the largest pod",
            tuple(_used(timeline, name, "memory", "MiB", lambda one: one.memory / 2**20) for name in observed),
        ),
    )


def rows(timeline: Timeline) -> Iterator[tuple[str, str, str]]:
    """Yields the name, the course and the range of each quantity that is not always zero."""
    for _, group in series(timeline):
        for one in group:
            if one.greatest:
                least = min(value for _, value in one.points)
                yield one.name, _blocks([value for _, value in one.points]), _range(least, one.greatest, one.unit)


def number(value: float) -> str:
    """Writes a number to three digits, large ones whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _of(windows: Sequence[Window], name: str, unit: str, value: Callable[[Window], float | None]) -> Series:
    found = ((window.at, value(window)) for window in windows)
    return Series(name, unit, tuple((at, there) for at, there in found if there is not None))


def _used(timeline: Timeline, name: str, what: str, unit: str, value: Callable[[UsePoint], float]) -> Series:
    return Series(f"{name} {what}", unit, tuple((one.at, value(one)) for one in timeline.use if one.name == name))


def _range(least: float, greatest: float, unit: str) -> str:
    low, high = number(least), number(greatest)
    return f"{low if low == high else f'{low} to {high}'} {unit}".rstrip()


def _blocks(values: Sequence[float]) -> str:
    columns = min(len(values), _COLUMNS)
    shown = [
        max(values[len(values) * column // columns : len(values) * (column + 1) // columns])
        for column in range(columns)
    ]
    top = max(shown)
    return "".join(_BLOCKS[min(int(value / top * len(_BLOCKS)), len(_BLOCKS) - 1)] for value in shown)
