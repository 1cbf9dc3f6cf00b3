"""Why a Job lacks pods: quota and admission refuse those without a word in the Job's status, only in its events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.api import names
from seatrial.api.outcome import shortened
from seatrial.api.timestamp import moment
from seatrial.engine.session import Session
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError
from seatrial.kube.resources import EVENTS
from seatrial.plan.decision import earliest

Object = dict[str, Any]

#: Seconds after a Job's creation at which its events are read if it lacks pods: the first time, the second…
READ_AFTER = (3.0, 15.0, 60.0)


class PodRefusals:
    """Reads the events of Jobs that lack pods.

    Args:
        client: Reads them.
        store: Has the Jobs and the pods.
    """

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def look(self, session: Session, uid: str) -> datetime | None:
        """Reads the events of those Jobs that should have pods by now and do not.

        Args:
            session: The run under way; it keeps what was found.
            uid: UID of the resource.

        Returns:
            When to look again, if nothing happens before.
        """
        waiting = [job for job in self._store.objects(uid, "Job", session.run) if self._lacks_pods(uid, job)]
        for lost in session.unstarted.keys() - {job["metadata"]["uid"] for job in waiting}:
            del session.unstarted[lost]
        return earliest([await self._look_at(session, job) for job in waiting])

    def _lacks_pods(self, uid: str, job: Object) -> bool:
        metadata, status = job["metadata"], job.get("status") or {}
        if metadata.get("deletionTimestamp") or any(
            entry["status"] == "True" for entry in status.get("conditions", ())
        ):
            return False
        wanted = _attempt(metadata)
        pods = self._store.objects(uid, "Pod", metadata["labels"].get(names.RUN))
        there = sum(_attempt(pod["metadata"]) == wanted for pod in pods)
        return there < int(job.get("spec", {}).get("completions") or 1)

    async def _look_at(self, session: Session, job: Object) -> datetime | None:
        metadata = job["metadata"]
        uid, read = metadata["uid"], session.events_read.get(metadata["uid"], 0)
        if read == len(READ_AFTER):
            return None
        due = moment(metadata["creationTimestamp"]) + timedelta(seconds=READ_AFTER[read])
        if datetime.now(UTC) < due:
            return due
        session.events_read[uid] = read + 1
        fields = f"involvedObject.uid={uid},reason=FailedCreate"
        try:
            events = await self._client.list(EVENTS, metadata["namespace"], limit=20, fields=fields)
        except ApiError:
            return None  # a courtesy: the Job's time limit holds without it
        said = sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
        if said:
            session.unstarted[uid] = shortened(f"its pods are refused: {said[-1].get('message', '')}")
        later = READ_AFTER[read + 1 :]
        return moment(metadata["creationTimestamp"]) + timedelta(seconds=later[0]) if later else None


def _attempt(metadata: Object) -> list[str | None]:
    labels = metadata["labels"]
    return [labels.get(name) for name in (names.SERVICE, names.STEP, names.ATTEMPT)]
