"""Everything that exists, read before the first turn: none takes an object for missing that was only not read yet.

kopf's indexing would promise the same. But there every object waits until all others have been read, and is woken by
each that has: with 5,000 objects that takes minutes (docs/decisions.md).
"""

import asyncio
import logging
from typing import Any

from seatrial.api import names
from seatrial.handlers.feed import CHILDREN, TRIALS, Feed
from seatrial.kube.client import Client
from seatrial.kube.errors import Expired, KubeError
from seatrial.kube.resources import Resource

logger = logging.getLogger(__name__)

Object = dict[str, Any]

#: Seconds after which watches must have shown what exists, and between two tries to ask for the rest.
PATIENCE = 60.0


class Census:
    """Counts what exists, and finds what went before the watches began.

    Args:
        client: Reads.
        feed: Takes in what there is.
    """

    def __init__(self, client: Client, feed: Feed) -> None:
        self._client = client
        self._feed = feed
        #: What no watch has shown yet, by UID: its kind, and what names it.
        self._unseen: dict[str, tuple[Resource, Object]] = {}

    async def take(self) -> None:
        """Reads everything. No watch may be open yet.

        Raises:
            KubeError: The API server refuses, or does not answer.
        """
        for resource in (*TRIALS, *CHILDREN):
            await self._read(resource, "" if resource in TRIALS else names.OWNER_UID)

    def seen(self, body: Object) -> None:
        """Takes note that a watch has shown an object, or that it is gone."""
        self._unseen.pop(str(body["metadata"].get("uid", "")), None)

    async def confirm(self, after: float = PATIENCE) -> None:
        """Asks for what the watches do not show: what went in between would be missed for ever.

        Args:
            after: Seconds that they are given to show everything.
        """
        while True:
            await asyncio.sleep(after)
            try:
                for uid, (resource, body) in tuple(self._unseen.items()):
                    name, where = body["metadata"]["name"], body["metadata"].get("namespace")
                    if not await self._client.exists(resource, name, where, uid) and uid in self._unseen:
                        self._feed.gone(resource, body)
                    self._unseen.pop(uid, None)
            except KubeError as error:
                logger.warning("what no watch has shown cannot be asked for: %s", error)
            else:
                return

    async def _read(self, resource: Resource, labels: str) -> None:
        while True:
            try:
                async for body in self._client.each(resource, labels=labels):
                    self._feed.known(resource, body)
                    self._unseen[str(body["metadata"].get("uid", ""))] = resource, _named(body)
            except Expired:
                continue  # reading took longer than the API server keeps the list; what was read stays true
            return


def _named(body: Object) -> Object:
    """What it takes to ask for an object, and to forget it."""
    kept = ("name", "namespace", "uid", "labels", "annotations")
    metadata = {key: value for key, value in body["metadata"].items() if key in kept}
    if names.OWNER_UID not in metadata.get("labels", {}):
        # Of a trial nothing else is asked; what people write on it may be long.
        metadata.pop("labels", None)
        metadata.pop("annotations", None)
    return {"metadata": metadata}
