"""Takes away what was made for resources that are gone: deleted by force, or while no operator was there.

It asks for nothing on its own: watches tell of every object that was made for a run, and one whose resource is not
there is an orphan from then on.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from seatrial.api import names
from seatrial.api.provenance import is_collected, is_environment, is_ours, is_recorded, owner
from seatrial.build.origin import Origin
from seatrial.engine.key import Key
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import Conflict, KubeError, NotFound
from seatrial.kube.resources import BESIDE, BY_KIND, NAMESPACES, Resource

logger = logging.getLogger(__name__)

Object = dict[str, Any]

#: Seconds between two tries, at first and at most.
FIRST_RETRY = 5.0
LONGEST_RETRY = 300.0


class Sweeper:
    """Finds orphans and takes them away, after a while in which somebody may turn out to own them.

    Args:
        client: Confirms that the resource is gone, and deletes.
        store: Has the objects and the resources.
        delay: Seconds between finding an orphan and taking it away.
        swept: Told of every object that is deleted: for whom it was made, its kind and its name.
    """

    def __init__(self, client: Client, store: Store, delay: float, swept: Callable[[Origin, str, str], None]) -> None:
        self._client = client
        self._store = store
        self._delay = delay
        self._swept = swept
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def notice(self, body: Object) -> None:
        """Takes note of an object, as a watch showed it, once watches have told everything that exists."""
        made_for, uid = owner(body["metadata"]), _uid(body)
        if made_for is None or not uid or uid in self._tasks or self._closed:
            return
        resource = self._store.resource(Key(*made_for))
        if resource is None or resource["metadata"]["uid"] != uid:
            self._start(uid)

    def resource_gone(self, body: Object) -> None:
        """Takes note that a resource is gone: what is left of its runs has nobody any more."""
        uid = str(body["metadata"]["uid"])
        if uid not in self._tasks and not self._closed and self._orphans(uid):
            self._start(uid)

    def waiting(self) -> float:
        """How many orphans there are."""
        return float(sum(len(self._orphans(uid)) for uid in self._tasks))

    def close(self) -> None:
        """Sweeps no more; the next operator finds the same orphans."""
        self._closed = True
        for task in self._tasks.values():
            task.cancel()

    def _start(self, uid: str) -> None:
        self._tasks[uid] = asyncio.create_task(self._sweep(uid), name=f"sweep {uid}")

    async def _sweep(self, uid: str) -> None:
        pause, retry = self._delay, FIRST_RETRY
        try:
            while True:
                await asyncio.sleep(pause)
                orphans = self._orphans(uid)
                if not orphans or not await self._take_away(uid, orphans):
                    return
                pause, retry = retry, min(2 * retry, LONGEST_RETRY)
        finally:
            del self._tasks[uid]

    def _orphans(self, uid: str) -> list[tuple[Resource, Object]]:
        """What provably was made for the resource and goes with nothing else, in the order of being taken away."""
        if any(body["metadata"]["uid"] == uid for _, body in self._store.resources()):
            return []
        return [
            (resource, body)
            for resource in (NAMESPACES, *BESIDE)
            for body in sorted(
                self._store.objects(uid, resource.kind), key=lambda body: is_environment(body["metadata"])
            )
            if _is_orphan(resource, body["metadata"])
        ]

    async def _take_away(self, uid: str, orphans: list[tuple[Resource, Object]]) -> bool:
        """Deletes what is left. Returns whether to look again."""
        for resource, body in orphans:
            made_for = owner(body["metadata"])
            assert made_for is not None  # noqa: S101 - an orphan was provably made for somebody
            origin = Origin(*made_for, uid, body["metadata"]["labels"][names.RUN])
            try:
                if await self._exists(origin):
                    logger.warning("%s %s has its resource after all", resource.kind, body["metadata"]["name"])
                    return False
                await self._delete(resource, body, origin)
            except KubeError as error:
                logger.warning("orphan %s %s: %s", resource.kind, body["metadata"]["name"], error)
        return True

    async def _exists(self, origin: Origin) -> bool:
        """Asks the API server itself: what a watch has not told yet must not cost anybody anything."""
        return await self._client.exists(BY_KIND[origin.kind], origin.name, origin.namespace, origin.uid)

    async def _delete(self, resource: Resource, body: Object, origin: Origin) -> None:
        metadata = body["metadata"]
        name, where = metadata["name"], metadata.get("namespace")
        try:
            if metadata.get("deletionTimestamp"):
                # Asked for already: only whether it is still there is in doubt, as a watch may have missed that.
                there = await self._client.get(resource, name, where)
                if there["metadata"]["uid"] != metadata["uid"]:
                    self._store.drop(resource.kind, body)
                return
            await self._client.delete(resource, name, where, uid=metadata["uid"])
        except (NotFound, Conflict):
            self._store.drop(resource.kind, body)
        else:
            self._store.mark_deleting(resource.kind, body)
            self._swept(origin, resource.kind, "/".join(filter(None, (where, name))))


def _uid(body: Object) -> str:
    return str((body["metadata"].get("labels") or {}).get(names.OWNER_UID, ""))


def _is_orphan(resource: Resource, metadata: Object) -> bool:
    """Whether an object whose resource is gone is the sweeper's: what is in an environment goes with that."""
    made_for = owner(metadata)
    if made_for is None or not is_ours(resource.kind, metadata) or is_collected(metadata):
        return False
    return is_recorded(metadata) if resource is NAMESPACES else metadata.get("namespace") == made_for.namespace
