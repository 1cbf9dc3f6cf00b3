"""A chart of quantities over time as SVG: still, without script, readable in light and dark."""

from collections.abc import Sequence
from html import escape
from typing import Final

from seatrial.report.course import Series, number

_WIDTH: Final = 720
_HEIGHT: Final = 140
_LEFT: Final = 70
_BOTTOM: Final = 20

#: What the page's style must have for the charts.
STYLE = """
svg { width: 100%; height: auto; max-width: 60rem; } svg text { font: 11px system-ui, sans-serif; fill: var(--quiet); }
svg .axis { stroke: var(--line); } svg polyline { fill: none; stroke-width: 1.5; }
.series3 { stroke: #1a7f37; } .series4 { stroke: #8250df; } .series5 { stroke: #bf3989; }
svg .name3 { fill: #1a7f37; } svg .name4 { fill: #8250df; } svg .name5 { fill: #bf3989; }
.series0 { stroke: #0969da; } .series1 { stroke: #bf8700; } .series2 { stroke: #cf222e; }
svg .name0 { fill: #0969da; } svg .name1 { fill: #bf8700; } svg .name2 { fill: #cf222e; }
"""


def chart(heading: str, group: Sequence[Series]) -> str:
    """Draws up to six quantities of one scale, from zero.

    Args:
        heading: What they are.
        group: The quantities.
    """
    top = max((one.greatest for one in group), default=0.0)
    end = max((at for one in group for at, _ in one.points), default=0.0)
    if not top or not end:
        return ""
    unit = group[0].unit
    names = "".join(f'<tspan class="name{place}" dx="12">{escape(one.name)}</tspan>' for place, one in enumerate(group))
    lines = "".join(_line(one, place, top, end) for place, one in enumerate(group))
    base = _HEIGHT - _BOTTOM
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(heading)}">'
        f'<text x="0" y="12">{escape(heading)}{names if len(group) > 1 else ""}</text>'
        f'<text x="0" y="30">{escape(f"{number(top)} {unit}".rstrip())}</text><text x="0" y="{base}">0</text>'
        f'<line class="axis" x1="{_LEFT}" y1="26" x2="{_WIDTH}" y2="26"/>'
        f'<line class="axis" x1="{_LEFT}" y1="{base}" x2="{_WIDTH}" y2="{base}"/>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 5}">0 s</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 5}" text-anchor="end">{number(end)} s</text>{lines}</svg>'
    )


def _line(one: Series, place: int, top: float, end: float) -> str:
    base = _HEIGHT - _BOTTOM
    points = " ".join(
        f"{_LEFT + at / end * (_WIDTH - _LEFT):.1f},{base - value / top * (base - 26):.1f}" for at, value in one.points
    )
    return f'<polyline class="series{place}" points="{points}"/>'
