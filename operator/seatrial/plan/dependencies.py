"""Scenarios that wait for one another's verdicts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.api.control import ScenarioNeed
from seatrial.api.duration import text
from seatrial.api.status import Verdict


@dataclass(frozen=True)
class ScenarioSeen:
    """Another TestScenario.

    Attributes:
        verdict: Of the last run of its present spec, if it has fallen.
        finished_at: When it fell.
        message: What it is doing, or waits for.
    """

    verdict: Verdict | None = None
    finished_at: datetime | None = None
    message: str = ""


def unmet(needs: Iterable[ScenarioNeed], seen: Mapping[str, ScenarioSeen], now: datetime) -> str:
    """Says which scenarios are waited for; empty if none is.

    Args:
        needs: What is needed.
        seen: The scenarios that there are, by name.
        now: The present.
    """
    return "; ".join(filter(None, (_unmet(need, seen.get(need.scenario), now) for need in needs)))


def _unmet(need: ScenarioNeed, seen: ScenarioSeen | None, now: datetime) -> str:
    wanted = f"waits for scenario {need.scenario} to be {need.verdict}"
    if seen is None:
        return f"{wanted}: there is none of that name in this namespace"
    if seen.verdict is None:
        return f"{wanted}: it has no verdict yet" + (f" ({seen.message})" if seen.message else "")
    if seen.verdict is not need.verdict:
        return f"{wanted}: it is {seen.verdict}"
    if need.max_age is not None and (seen.finished_at is None or now - seen.finished_at > need.max_age):
        return f"{wanted} within the last {text(need.max_age)}: its verdict is older"
    return ""


def find_cycle(start: str, graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Finds a way from a scenario back to itself, both ends included; empty if there is none.

    Args:
        start: Name of the scenario.
        graph: Names of those that each waits for.
    """
    came_from: dict[str, str] = {}
    ahead = [start]
    while ahead:
        name = ahead.pop()
        for needed in graph.get(name, ()):
            if needed == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if needed not in came_from:
                came_from[needed] = name
                ahead.append(needed)
    return []
