"""The one place that writes status, and as seldom as users can bear: what matters at once, progress once a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from seatrial.api.budget import fitted
from seatrial.api.status import Phase, TrialStatus
from seatrial.engine.key import Key
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import Conflict, NotFound
from seatrial.kube.resources import BY_KIND

#: Seconds between two writes that tell of nothing but progress.
PROGRESS_INTERVAL = 1.0


@dataclass
class _Entry:
    """Status of one resource: as it is, as it is stored, and when that was."""

    uid: str
    current: TrialStatus
    stored: TrialStatus
    written: float = field(default=-PROGRESS_INTERVAL)


class Record:
    """Statuses of all resources.

    What this process decided is newer than whatever a watch shows, because nobody else writes status; so once a
    resource is known here, its status is read from here.

    Args:
        client: Writes to the API server.
        store: Learns at once what was written.
    """

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self._entries: dict[Key, _Entry] = {}

    def status(self, key: Key, uid: str, read: Callable[[], TrialStatus]) -> TrialStatus:
        """Returns the status of a resource.

        Args:
            key: The resource.
            uid: Its UID.
            read: Reads what the API server has, for a resource that is not known here yet. That takes longer than
                many a turn.
        """
        entry = self._entries.get(key)
        if entry is None or entry.uid != uid:
            stored = read()
            entry = self._entries[key] = _Entry(uid, stored, stored)
        return entry.current

    def forget(self, key: Key) -> None:
        """Forgets a resource that is gone."""
        self._entries.pop(key, None)

    async def put(self, key: Key, status: TrialStatus, *, urgent: bool) -> float | None:
        """Takes a new status and stores it when it is due.

        Args:
            key: The resource, whose status has been asked for before.
            status: Its new status.
            urgent: Store it now.

        Returns:
            Seconds after which it should be put again, if it was not stored.
        """
        entry = self._entries[key]
        if status != entry.stored:
            wait = entry.written + PROGRESS_INTERVAL - time.monotonic()
            if wait > 0 and not urgent and not _matters(entry.stored, status):
                entry.current = status
                return wait
            await self._write(key, entry, status)
        entry.current = status
        return None

    async def _write(self, key: Key, entry: _Entry, status: TrialStatus) -> None:
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/uid", "value": entry.uid},
            {"op": "add", "path": "/status", "value": fitted(status).to_kubernetes()},
        ]
        try:
            body = await self._client.patch_json(
                BY_KIND[key.kind], key.name, key.namespace, operations, subresource="status"
            )
        except NotFound:
            return  # it is gone; the watch will tell
        except Conflict as error:
            if error.status == 409:
                raise  # somebody else wrote at the same time: nothing tells us to try again but this
            return  # another one has its name; the watch will tell
        entry.stored, entry.written = status, time.monotonic()
        self._store.written(key, body)


def _matters(before: TrialStatus, after: TrialStatus) -> bool:
    """Whether a program may be waiting for a change; everything else is progress, and can wait its second."""
    return (
        before.observed_generation != after.observed_generation
        or before.verdict != after.verdict
        or (before.phase != after.phase and after.phase is Phase.DONE)
        or _settled(before) != _settled(after)
    )


def _settled(status: TrialStatus) -> list[tuple[str, str]]:
    """Conditions that pipelines wait for. That the environment is ready is a stage on the way, like a phase."""
    return [(c.type, c.status) for c in status.conditions if c.type != "EnvironmentReady"]
