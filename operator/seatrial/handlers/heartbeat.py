"""Whether the watches live: a Lease of our own is renewed, and its renewal must come back through a watch.

A watch that has gone deaf looks just like a quiet cluster (kopf#585, kopf#957), so liveness needs something that is
certain to happen.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from seatrial.kube.client import Client
from seatrial.kube.errors import KubeError, NotFound
from seatrial.kube.resources import LEASES

logger = logging.getLogger(__name__)

LEASE = "seatrial-operator"
#: Seconds between two renewals.
INTERVAL = 30.0
#: Seconds after a renewal within which the watch must have shown it.
PATIENCE = 100.0


class Heartbeat:
    """Renews the Lease and listens for it.

    Args:
        client: Writes the Lease.
        namespace: Where the operator runs.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        #: Set once a watch has shown the Lease. Everything that exists was read before the watches were opened.
        self.heard = asyncio.Event()
        self._awaited = ""
        self._unseen_since: float | None = None

    def seen(self, body: dict[str, Any]) -> None:
        """Takes note of the Lease as a watch showed it: the renewal that is waited for, or a later one."""
        renewed = (body.get("spec") or {}).get("renewTime", "")
        if body["metadata"].get("namespace") == self._namespace and renewed >= self._awaited:
            self._unseen_since = None
            self.heard.set()

    def deaf_for(self) -> float:
        """Seconds for which a renewal has not come back; 0 when the last one has."""
        return 0.0 if self._unseen_since is None else time.monotonic() - self._unseen_since

    @property
    def alive(self) -> bool:
        """Whether the watches live. An API server that cannot be reached is not held against them."""
        return self.deaf_for() < PATIENCE

    async def run(self) -> None:
        """Renews the Lease for ever."""
        while True:
            try:
                await self._renew()
            except KubeError as error:
                logger.warning("the heartbeat could not be written: %s", error)
            await asyncio.sleep(INTERVAL)

    async def _renew(self) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": "seatrial-operator", "leaseDurationSeconds": int(PATIENCE), "renewTime": now}
        if self._unseen_since is None:
            self._awaited, self._unseen_since = now, time.monotonic()
        try:
            await self._write(spec)
        except KubeError:
            self._unseen_since = None
            raise

    async def _write(self, spec: dict[str, Any]) -> None:
        try:
            operations = [{"op": "add", "path": "/spec", "value": spec}]
            await self._client.patch_json(LEASES, LEASE, self._namespace, operations)
        except NotFound:
            body = {
                "apiVersion": LEASES.api_version,
                "kind": LEASES.kind,
                "metadata": {"name": LEASE, "namespace": self._namespace},
                "spec": spec,
            }
            await self._client.create(LEASES, body, self._namespace)
