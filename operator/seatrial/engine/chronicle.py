"""The audit record of runs under way: appended to, never changed, and honest about what it cannot know."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from seatrial.api.status import TrialStatus
from seatrial.api.timestamp import stamp
from seatrial.build.origin import Origin
from seatrial.engine.key import Key
from seatrial.report.model import Audit, ObjectChange, Requester, Transition
from seatrial.report.timeline import rebuilt, transitions

audit = logging.getLogger("seatrial.audit")

Object = dict[str, Any]

#: Entries of each list of one run. What is beyond is in the log alone.
ENTRIES = 3000


@dataclass
class Chronicle:
    """The record of one run.

    Attributes:
        uid: UID of the resource.
        run: Name of the run.
        objects: What was made and deleted.
        transitions: What moved on.
        gaps: Times of which it cannot know everything.
        resumed: Whether an earlier operator began the run.
    """

    uid: str
    run: str
    objects: list[ObjectChange] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    resumed: bool = False

    def to_audit(self, requesters: list[Requester], spec_sha256: str) -> Audit:
        """The record as the report has it."""
        return Audit(
            requesters=requesters,
            spec_sha256=spec_sha256,
            objects=list(self.objects),
            transitions=list(self.transitions),
            gaps=list(self.gaps),
        )


class Chronicles:
    """The records of all runs under way."""

    def __init__(self) -> None:
        self._kept: dict[Key, Chronicle] = {}

    def of(self, key: Key, uid: str, run: str) -> Chronicle:
        """The record of a run, which begins when it is first asked for."""
        known = self._kept.get(key)
        if known is None or (known.uid, known.run) != (uid, run):
            known = self._kept[key] = Chronicle(uid, run)
        return known

    def forget(self, key: Key) -> None:
        """Forgets a resource that is gone, or whose run is over."""
        self._kept.pop(key, None)

    def resume(self, key: Key, uid: str, status: TrialStatus, objects: Iterable[tuple[str, Object]]) -> None:
        """Takes over the record of a run that an earlier operator began, if this one does not know it.

        Args:
            key: The resource.
            uid: Its UID.
            status: Its status as the earlier operator left it.
            objects: Objects of the run that are there, each with its kind; they tell when they were made.
        """
        run = status.run
        known = self._kept.get(key)
        if run is None or (known is not None and (known.uid, known.run) == (uid, run.id)):
            return
        now = stamp(datetime.now(UTC))
        chronicle = Chronicle(uid, run.id, resumed=True)
        chronicle.objects = sorted((_made(kind, body) for kind, body in objects), key=lambda change: change.at)
        chronicle.transitions = rebuilt(status)
        chronicle.gaps.append(
            f"from {run.started_at} to {now}: another operator was in charge; of what it did, only what objects and "
            "status still show is here, its own log has the rest"
        )
        self._kept[key] = chronicle
        audit.info("run %s: taken over from another operator", run.id, extra={"resource": str(key)})

    def begun(self, key: Key, uid: str, run: str, body: Object) -> None:
        """Records who asked for a run, in the log; the report reads it off the resource again."""
        self.of(key, uid, run)
        who = ", ".join(f"{one.manager} ({one.operation} {one.time})" for one in requesters(body))
        audit.info(
            "run %s: asked for by %s; spec sha256 %s",
            run,
            who or "somebody unknown",
            spec_digest(body["spec"]),
            extra={"resource": str(key)},
        )

    def object_changed(self, origin: Origin, verb: str, kind: str, name: str) -> None:
        """Records that an object was made or deleted."""
        chronicle = self.of(Key(origin.kind, origin.namespace, origin.name), origin.uid, origin.run)
        if len(chronicle.objects) < ENTRIES:
            change = ObjectChange(at=stamp(datetime.now(UTC)), verb=verb, kind=kind, name=name)
            chronicle.objects.append(change)

    def moved(self, key: Key, uid: str, before: TrialStatus, after: TrialStatus) -> None:
        """Records what moved on, here and in the log."""
        if after.run is None:
            return
        same = before.run is not None and before.run.id == after.run.id
        chronicle = self.of(key, uid, after.run.id)
        for entry in transitions(before if same else None, after, stamp(datetime.now(UTC))):
            if len(chronicle.transitions) < ENTRIES:
                chronicle.transitions.append(entry)
            if entry.what != "run":  # which the log has already
                text = f"{entry.what} {entry.state} {entry.reason}".rstrip()
                audit.info("run %s: %s", after.run.id, text, extra={"resource": str(key)})


def requesters(body: Object) -> list[Requester]:
    """Who has created or changed a resource, as far as its managed fields tell. Writers of status are left out."""
    return [
        Requester(manager=entry.get("manager", ""), operation=entry.get("operation", ""), time=entry.get("time") or "")
        for entry in body["metadata"].get("managedFields") or []
        if not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})
    ]


def spec_digest(spec: Any) -> str:
    """SHA-256 of a spec as JSON with sorted keys and no spaces."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _made(kind: str, body: Object) -> ObjectChange:
    metadata = body["metadata"]
    name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    return ObjectChange(at=metadata["creationTimestamp"], verb="created", kind=kind, name=name, rebuilt=True)
