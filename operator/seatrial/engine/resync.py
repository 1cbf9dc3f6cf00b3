"""Asking again for what should be going away: a watch that was cut off may have missed that it is gone."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.api.status import Phase, TrialStatus
from seatrial.engine.session import Session
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import BESIDE, BY_KIND

Object = dict[str, Any]

#: Seconds between two times that a teardown asks, and before the first one.
INTERVAL = 30.0


class Resync:
    """Finds out what is gone without having been told.

    kopf does not tell of objects that went while it could not watch (410, then a new list), and a run whose namespace
    or pods went unnoticed would wait for them for ever.

    Args:
        client: Is asked.
        store: Forgets what is gone.
    """

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def look(self, session: Session, uid: str, status: TrialStatus) -> datetime:
        """Asks, if it is time to.

        Args:
            session: The run under way.
            uid: UID of the resource.
            status: Its status.

        Returns:
            When to look again, if nothing happens before.
        """
        now = time.monotonic()
        if status.phase is not Phase.TEARDOWN:
            session.looked = now
        elif now - session.looked >= INTERVAL:
            session.looked = now
            for kind in ("Namespace", "Pod"):
                for body in self._store.objects(uid, kind):
                    await self._confirm(kind, body)
            for resource in BESIDE:
                for body in self._store.objects(uid, resource.kind):
                    if body["metadata"].get("namespace") == session.home:
                        await self._confirm(resource.kind, body)
        return datetime.now(UTC) + timedelta(seconds=INTERVAL - (now - session.looked))

    async def _confirm(self, kind: str, body: Object) -> None:
        metadata = body["metadata"]
        try:
            there = await self._client.get(BY_KIND[kind], metadata["name"], metadata.get("namespace"))
        except NotFound:
            self._store.drop(kind, body)
            return
        if there["metadata"]["uid"] != metadata["uid"]:
            self._store.drop(kind, body)
        self._store.put(kind, there)
