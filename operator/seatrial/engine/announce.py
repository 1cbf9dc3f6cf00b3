"""What is told besides status: Events for people, and the audit record in the log."""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from seatrial.api.base import API_VERSION
from seatrial.api.outcome import shortened
from seatrial.api.status import TrialStatus
from seatrial.api.timestamp import stamp_seconds
from seatrial.build.origin import Origin
from seatrial.engine.key import Key
from seatrial.kube.client import Client
from seatrial.kube.errors import KubeError
from seatrial.kube.resources import EVENTS
from seatrial.plan.decision import Announcement

logger = logging.getLogger(__name__)
audit = logging.getLogger("seatrial.audit")


class Announcer:
    """Emits Events and keeps the audit record.

    Args:
        client: Writes Events.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def object_changed(self, origin: Origin, verb: str, kind: str, name: str) -> None:
        """Records that an object was made or deleted."""
        audit.info("%s %s %s", verb, kind, name, extra={"resource": f"{origin.kind}/{origin.namespace}/{origin.name}"})

    def transition(self, key: Key, before: TrialStatus, after: TrialStatus) -> None:
        """Records that a run has moved on."""
        if (before.phase, before.verdict) != (after.phase, after.verdict):
            run = after.run.id if after.run else ""
            audit.info(
                "run %s: %s %s %s", run, after.phase, after.verdict or "", after.reason, extra={"resource": str(key)}
            )

    async def announce(self, key: Key, uid: str, announcements: Iterable[Announcement]) -> None:
        """Emits Events. They are a courtesy: one that cannot be written is logged and holds nothing up."""
        for announcement in announcements:
            try:
                await self._client.create(EVENTS, _event(key, uid, announcement), key.namespace)
            except KubeError as error:
                logger.warning("%s: event %s was not written: %s", key, announcement.reason, error)


def _event(key: Key, uid: str, announcement: Announcement) -> dict[str, object]:
    now = datetime.now(UTC)
    digest = hashlib.sha256(f"{uid}/{announcement.reason}/{now.timestamp()}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{key.name[:200].rstrip('.-')}.{digest}", "namespace": key.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": key.kind,
            "namespace": key.namespace,
            "name": key.name,
            "uid": uid,
        },
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.reason,
        "message": shortened(announcement.message, 1000),
        "firstTimestamp": stamp_seconds(now),
        "lastTimestamp": stamp_seconds(now),
        "count": 1,
        "source": {"component": "seatrial"},
        "reportingComponent": "seatrial.dev/operator",
    }
