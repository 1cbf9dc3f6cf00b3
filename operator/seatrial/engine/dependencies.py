"""Which scenarios wait for the verdicts of which others; whoever waits is woken when one of those changes."""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from seatrial.api.status import TestScenarioStatus
from seatrial.api.timestamp import moment
from seatrial.engine.key import Key
from seatrial.engine.store import Store
from seatrial.plan.dependencies import ScenarioSeen, find_cycle

Object = dict[str, Any]

#: Scenarios that are looked at to find a circle; far more than anybody chains.
_REACH = 500


class Dependencies:
    """What is seen of the scenarios that others wait for.

    Args:
        store: Has all resources.
        wake: Has a resource take a turn.
    """

    def __init__(self, store: Store, wake: Callable[[Key], None]) -> None:
        self._store = store
        self._wake = wake
        self._needed_by: dict[Key, set[Key]] = {}
        self._watched: dict[Key, set[Key]] = {}

    def look(self, key: Key, needed: Iterable[str]) -> tuple[dict[str, ScenarioSeen], str]:
        """Looks at what a scenario needs, and has it woken when any of that changes.

        Args:
            key: The scenario.
            needed: Names of the scenarios that it needs; none if it does not want to run now.

        Returns:
            Those that exist, by name, and the circle that the scenario is in, in words; empty if it is in none.
        """
        needed = tuple(needed)
        graph = self._graph(key, needed) if needed else {}
        self._watch(key, {key._replace(name=name) for names in graph.values() for name in names} - {key})
        seen = {name: self._seen(key._replace(name=name)) for name in needed}
        way = find_cycle(key.name, graph)
        cycle = f"spec.dependsOn: {' -> '.join(way)}: dependsOn goes round in a circle: take one out" if way else ""
        return {name: one for name, one in seen.items() if one is not None}, cycle

    def changed(self, key: Key) -> None:
        """Wakes whoever waits for a scenario."""
        for waiting in tuple(self._needed_by.get(key, ())):
            self._wake(waiting)

    def forget(self, key: Key) -> None:
        """Forgets whom a scenario waits for."""
        self._watch(key, set())

    def _watch(self, key: Key, needed: set[Key]) -> None:
        before = self._watched.get(key, set())
        for other in before - needed:
            self._needed_by[other].discard(key)
            if not self._needed_by[other]:
                del self._needed_by[other]
        for other in needed - before:
            self._needed_by.setdefault(other, set()).add(key)
        if needed:
            self._watched[key] = needed
        else:
            self._watched.pop(key, None)

    def _graph(self, key: Key, needed: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Who needs whom, as far as one comes from a scenario."""
        graph = {key.name: needed}
        ahead = list(needed)
        while ahead and len(graph) < _REACH:
            name = ahead.pop()
            if name not in graph:
                graph[name] = _needs(self._store.resource(key._replace(name=name)))
                ahead.extend(graph[name])
        return graph

    def _seen(self, key: Key) -> ScenarioSeen | None:
        body = self._store.resource(key)
        if body is None:
            return None
        try:
            status = TestScenarioStatus.model_validate(body.get("status") or {})
        except ValidationError:
            return ScenarioSeen(message="its status is of another version of Seatrial")
        if status.verdict is None or status.observed_generation != body["metadata"]["generation"]:
            return ScenarioSeen(message=status.message or str(status.phase or ""))
        finished = status.run.finished_at if status.run else None
        return ScenarioSeen(status.verdict, moment(finished) if finished else None)


def _needs(body: Object | None) -> tuple[str, ...]:
    """Names that a stored spec, which may be invalid, depends on."""
    entries = ((body or {}).get("spec") or {}).get("dependsOn")
    if not isinstance(entries, list):
        return ()
    return tuple(str(entry["scenario"]) for entry in entries if isinstance(entry, dict) and "scenario" in entry)
