"""Who has room and who waits, through kills of the operator at any moment."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api import names
from seatrial.engine.key import Key
from seatrial.engine.line import Line
from seatrial.engine.store import Store
from seatrial.plan.queue import ADMITTED, Entry, Limits, Place, Room

pytestmark = pytest.mark.anyio
START = datetime(2026, 1, 1, tzinfo=UTC)


async def decided(line: Line) -> None:
    """Waits until nothing is left to be decided."""
    while line._timer is not None:
        await asyncio.sleep(0.0002)


class Model:
    """Resources as the API server has them, and an operator's line that may be lost at any moment.

    A turn does what the controller's does: it asks the line, puts the finalizer on, and only then begins.
    """

    def __init__(self, entries: list[Entry], limits: Limits) -> None:
        self.entries = {Key(*entry.key.split("/")): entry for entry in entries}
        self.limits = limits
        self.finalizer: set[Key] = set()
        self.begun: set[Key] = set()
        self.since: dict[Key, datetime] = {}
        self.wanting: set[Key] = set()
        self.ran: list[Key] = []
        self.clock = START
        self.woken: set[Key] = set()
        self.line = self.start()

    def start(self) -> Line:
        """A new operator reads everything, and takes a turn of each resource."""
        store = Store()
        for key, entry in self.entries.items():
            store.put_resource(key, self.body(key, entry))
        self.woken = set(self.entries)
        self.line = Line(store, self.limits, self.woken.add)
        return self.line

    def body(self, key: Key, entry: Entry) -> dict[str, Any]:
        waiting = key in self.since and key not in self.begun
        status: dict[str, Any] = {"phase": "Queued", "queue": {"since": self.since[key].isoformat()}} if waiting else {}
        return {
            "metadata": {"uid": str(key), "finalizers": [names.FINALIZER] if key in self.finalizer else []},
            "spec": {"concurrency": {"group": entry.group, "max": entry.max}} if entry.group else {},
            "status": status,
        }

    def ask(self, key: Key) -> Place:
        wants, active = key in self.wanting and key not in self.begun, key in self.finalizer
        if not wants and not active:
            return self.line.place(key, None)
        since = self.since.get(key, self.clock)
        return self.line.place(key, replace(self.entries[key], since=since, active=active, wants=wants))

    def turn(self, key: Key, dies: str = "") -> None:
        place = self.ask(key)
        if key not in self.wanting or key in self.begun:
            return
        if place.admitted:
            if dies == "before":
                self.start()
                return
            self.finalizer.add(key)
            self.check()
            if dies == "between":
                self.start()
                return
            self.begun.add(key)
            self.since.pop(key, None)
            self.ran.append(key)
            self.woken.add(key)
        elif not place.pending:
            self.since.setdefault(key, self.clock)
            if key in self.finalizer:
                self.finalizer.discard(key)  # it leaves the room that it had
                self.woken.add(key)

    def want(self, key: Key) -> None:
        self.wanting.add(key)
        self.woken.add(key)

    def end(self, key: Key, *, again: bool) -> None:
        """A run ends; its finalizer goes unless it has been asked for another run meanwhile."""
        self.begun.discard(key)
        if not again:
            self.wanting.discard(key)
            self.finalizer.discard(key)
        self.woken.add(key)

    def check(self) -> None:
        """All that have room have it rightly, in the order in which they came to it."""
        room = Room(Limits())
        for key in self.finalizer:
            room.take(self.entries[key])
        for (namespace, group), members in room.groups.items():
            assert len(members) <= min(members.values()), f"{namespace}/{group}: {members}"
        assert not self.limits.runs or room.total <= self.limits.runs
        if self.limits.runs_per_namespace:
            assert max(room.by_namespace.values(), default=0) <= self.limits.runs_per_namespace

    async def settle(self, chance: Random | None = None) -> None:
        """Takes turns until nobody is woken any more, and has the operator killed now and then."""
        for _ in range(2000):
            await decided(self.line)
            if not self.woken:
                return
            key = min(self.woken) if chance is None else chance.choice(sorted(self.woken))
            self.woken.discard(key)
            dies = chance.choice(["", "", "", "before", "between"]) if chance else ""
            self.clock += timedelta(seconds=1)
            self.turn(key, dies)
            self.check()
        raise AssertionError("turns never end")


ENTRIES = st.lists(
    st.builds(
        lambda name, namespace, group, limit: Entry(f"TestScenario/{namespace}/{name}", namespace, START, group, limit),
        st.integers(0, 9).map(str),
        st.sampled_from(["shop", "bank"]),
        st.sampled_from(["", "db", "web"]),
        st.sampled_from([1, 1, 2]),
    ),
    min_size=2,
    max_size=8,
    unique_by=lambda one: one.key,
)
LIMITS = st.builds(Limits, st.sampled_from([0, 1, 3]), st.sampled_from([0, 2]))


@settings(max_examples=60)
@given(ENTRIES, LIMITS, st.integers(0, 10**9), st.booleans())
def test_limits_hold_and_everybody_has_a_turn_however_often_the_operator_is_killed(
    entries: list[Entry], limits: Limits, seed: int, crashes: bool
) -> None:
    chance = Random(seed)  # noqa: S311 - nothing is secret here

    async def play() -> None:
        model = Model(entries, limits)
        keys = list(model.entries)
        for _ in range(15):
            deed, key = chance.choice(["want", "want", "end", "again", "kill"]), chance.choice(keys)
            if deed == "want":
                model.want(key)
            elif deed in {"end", "again"} and key in model.begun:
                model.end(key, again=deed == "again")
            elif deed == "kill" and crashes:
                model.start()
            await model.settle(chance if crashes else None)
        for _ in range(3 * len(keys)):
            for key in sorted(model.begun):
                model.end(key, again=False)
            await model.settle()
        assert not model.wanting
        assert not model.finalizer
        assert model.line.sizes == (0, 0)

    asyncio.run(play())


async def test_the_line_of_idle_resources_is_empty_and_nobody_is_woken() -> None:
    model = Model([Entry(f"TestScenario/shop/{number}", "shop", START) for number in range(5000)], Limits(runs=2))
    for key in model.entries:
        model.turn(key)
    assert model.line.sizes == (0, 0)
    assert model.line._timer is None
    assert not model.line._entries


async def test_only_those_whose_place_changes_are_woken() -> None:
    entries = [Entry(f"TestScenario/shop/{number}", "shop", START, "db") for number in range(5)]
    entries += [Entry("TestScenario/bank/far", "bank", START, "db")]
    model = Model(entries, Limits())
    for key in model.entries:
        model.want(key)
        await model.settle()
    assert len(model.ran) == 2
    woken: list[Key] = []
    model.line._wake = woken.append
    last = Key("TestScenario", "shop", "4")
    model.wanting.discard(last)
    model.ask(last)
    await decided(model.line)
    assert [key.name for key in woken] == []  # nobody is behind the last one
    first = Key("TestScenario", "shop", "0")
    model.end(first, again=False)
    assert model.ask(first) == ADMITTED
    await decided(model.line)
    assert {key.name for key in woken} == {"1", "2", "3"}
