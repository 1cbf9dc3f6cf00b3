"""Keeps the line of runs that wait for room, and wakes those whose place in it changes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from seatrial.api import names
from seatrial.api.control import Concurrency
from seatrial.api.status import Phase
from seatrial.api.timestamp import moment
from seatrial.engine.key import Key
from seatrial.engine.store import Store
from seatrial.plan.queue import ADMITTED, PENDING, Entry, Limits, Place, Room, decide

Object = dict[str, Any]

#: Share of time that may go into deciding: a long line is looked at less often, and its turns are never held up.
_PAUSE = 10.0


class Line:
    """All who have room or want it. Idle resources are not in it.

    Where nobody waits, room is counted and nothing is decided anew. Who has room is on record in the cluster, as our
    finalizer. Who was given room and has not begun yet is remembered here; that can be lost, because nothing has been
    done for it before the finalizer is on.

    Args:
        store: Has all resources, once the first one asks.
        limits: Of namespaces and of the operator.
        wake: Has a resource take a turn.
    """

    def __init__(self, store: Store, limits: Limits, wake: Callable[[Key], None]) -> None:
        self._store = store
        self._limits = limits
        self._wake = wake
        self._entries: dict[Key, Entry] = {}
        self._places: dict[Key, Place] = {}
        self._granted: set[Key] = set()
        self._room = Room(limits)
        self._waiting = 0
        self._read = False
        self._timer: asyncio.TimerHandle | None = None
        self._pause = 0.0

    @property
    def sizes(self) -> tuple[int, int]:
        """How many have room, and how many wait for it."""
        return self._room.total, self._waiting

    def place(self, key: Key, entry: Entry | None) -> Place:
        """Takes in what a resource stands for now, and says what has been decided for it.

        Args:
            key: The resource.
            entry: See :func:`seatrial.plan.control.queue_entry`.
        """
        if not self._read:
            self._read_all()
        if entry is None:
            self.drop(key)
            return ADMITTED
        if not entry.wants:
            self._granted.discard(key)
            self._put(key, entry)
            return self._places.get(key, ADMITTED)
        before = self._entries.get(key)
        if before is not None and before.wants:
            entry = replace(entry, since=before.since)
        alone = self._waiting == (1 if before is not None and before.wants else 0)
        if key in self._granted or (alone and self._fits(entry)):
            self._grant(key, entry)
            return ADMITTED
        self._put(key, entry)
        return self._places.get(key, PENDING)

    def drop(self, key: Key) -> None:
        """Forgets a resource that has no room and wants none."""
        self._granted.discard(key)
        self._places.pop(key, None)
        self._put(key, None)

    def close(self) -> None:
        """Decides nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _fits(self, entry: Entry) -> bool:
        """Whether there is room. Nobody else waits, so whoever has room already may keep it."""
        return entry.active or not self._room.missing(entry)

    def _grant(self, key: Key, entry: Entry) -> None:
        self._granted.add(key)
        self._places.pop(key, None)
        self._put(key, replace(entry, active=True, wants=False))

    def _put(self, key: Key, entry: Entry | None) -> None:
        before = self._entries.get(key)
        if entry == before:
            return
        if before is not None:
            del self._entries[key]
            self._waiting -= before.wants
            if before.active:
                self._room.give_back(before)
        if entry is not None:
            self._entries[key] = entry
            self._waiting += entry.wants
            if entry.active:
                self._room.take(entry)
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._decide)

    def _decide(self) -> None:
        """Decides anew for all, once for all changes since the last time."""
        began = time.perf_counter()
        places = {_key(name): place for name, place in decide(self._entries.values(), self._limits).items()}
        before, self._places = self._places, {key: place for key, place in places.items() if not place.admitted}
        for key, place in places.items():
            if place.admitted:
                self._grant(key, self._entries[key])
        if self._timer is not None:
            self._timer.cancel()  # what was granted is in the places already
            self._timer = None
        for key, place in places.items():
            if place != before.get(key):
                self._wake(key)
        self._pause = _PAUSE * (time.perf_counter() - began)

    def _read_all(self) -> None:
        """Finds out who has room and who waits, from what a former operator wrote."""
        self._read = True
        for key, body in self._store.resources():
            entry = _stored(key, body)
            if entry is not None:
                self._put(key, entry)


def _key(name: str) -> Key:
    return Key(*name.split("/"))


def _stored(key: Key, body: Object) -> Entry | None:
    """What a resource stands for as it is stored, before its first turn."""
    status = body.get("status") or {}
    active = names.FINALIZER in body["metadata"].get("finalizers", [])
    waiting = not active and status.get("phase") == Phase.QUEUED
    since = (status.get("run") or {}).get("startedAt") if active else (status.get("queue") or {}).get("since")
    if not active and not (waiting and since):
        return None
    entry = Entry(str(key), key.namespace, moment(since) if since else datetime.now(UTC), active=active, wants=waiting)
    try:
        group = Concurrency.model_validate(body["spec"]["concurrency"])
    except (KeyError, ValidationError):
        return entry  # none, or one that its own turn will call invalid
    return replace(entry, group=group.group, max=group.max, policy=group.policy)
