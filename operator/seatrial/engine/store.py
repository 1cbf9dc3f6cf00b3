"""What is known of the cluster: what watches told, and at once what our own writes returned.

Without our own writes in it, a turn right after a write would act on a world that lacks what was just made.
"""

from collections.abc import Iterator
from typing import Any

from seatrial.api import names
from seatrial.engine.key import Key
from seatrial.engine.resting import remains, resting

Object = dict[str, Any]


class Store:
    """Resources by key, and the objects of their runs by the resource's UID."""

    def __init__(self) -> None:
        self._resources: dict[Key, Object] = {}
        self._objects: dict[str, dict[tuple[str, str, str], Object]] = {}

    def put_resource(self, key: Key, body: Object) -> None:
        """Remembers a resource as a watch showed it, unless a newer version, or a newer one of its name, is known.

        What watches tell of two resources that had the same name one after the other may come in any order.
        """
        known = self._resources.get(key)
        if known is None or _version(body) >= _version(known):
            self._resources[key] = remains(body) if resting(body) else body

    def written(self, key: Key, body: Object) -> None:
        """Remembers a resource as a write of ours returned it, unless a watch has told meanwhile that it is gone."""
        known = self._resources.get(key)
        if known is not None and _uid(known) == _uid(body):
            self.put_resource(key, body)

    def drop_resource(self, key: Key, body: Object) -> None:
        """Forgets a resource that is gone; one of the same name that came after it stays."""
        known = self._resources.get(key)
        if known is not None and _uid(known) == _uid(body):
            del self._resources[key]

    def resource(self, key: Key) -> Object | None:
        """Returns a resource."""
        return self._resources.get(key)

    def resources(self) -> Iterator[tuple[Key, Object]]:
        """All resources."""
        return iter(tuple(self._resources.items()))

    def put(self, kind: str, body: Object) -> None:
        """Remembers an object of a run, unless a newer version of it is known."""
        uid = body["metadata"].get("labels", {}).get(names.OWNER_UID)
        if not uid:
            return
        place = self._objects.setdefault(uid, {})
        identity = _identity(kind, body)
        known = place.get(identity)
        if known is None or _version(body) >= _version(known):
            place[identity] = _slim(body)
            if known is not None and _uid(known) == _uid(body) and "deletionTimestamp" in known["metadata"]:
                # Told before our deletion of it took effect, which nothing takes back.
                place[identity]["metadata"].setdefault("deletionTimestamp", known["metadata"]["deletionTimestamp"])

    def drop(self, kind: str, body: Object) -> None:
        """Forgets an object that is gone; one of the same name that came after it stays."""
        uid = body["metadata"].get("labels", {}).get(names.OWNER_UID, "")
        place = self._objects.get(uid, {})
        known = place.get(_identity(kind, body))
        if known is not None and _uid(known) == _uid(body):
            del place[_identity(kind, body)]
        if not place:
            self._objects.pop(uid, None)

    def mark_deleting(self, kind: str, body: Object) -> None:
        """Remembers that we have asked for an object's deletion, unless a watch has told meanwhile what came of it."""
        known = self._objects.get(body["metadata"]["labels"][names.OWNER_UID], {}).get(_identity(kind, body))
        if known is not None and _uid(known) == _uid(body):
            known["metadata"].setdefault("deletionTimestamp", "now")

    def has_objects(self, uid: str) -> bool:
        """Whether anything is there that was made for a resource."""
        return bool(self._objects.get(uid))

    def objects(self, uid: str, kind: str, run: str | None = None) -> list[Object]:
        """Objects of a resource's runs.

        Args:
            uid: UID of the resource.
            kind: Kind of the objects.
            run: Only those of this run.
        """
        return [
            body
            for (its_kind, _, _), body in self._objects.get(uid, {}).items()
            if its_kind == kind and run in (None, body["metadata"]["labels"].get(names.RUN))
        ]


def _identity(kind: str, body: Object) -> tuple[str, str, str]:
    return kind, body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _uid(body: Object) -> str:
    return str(body["metadata"].get("uid", ""))


def _version(body: Object) -> int:
    """Resource versions are ordered within one kind (KEP-5504); before that they were, without a promise."""
    version = str(body["metadata"].get("resourceVersion", "0"))
    return int(version) if version.isdigit() else 0


def _slim(body: Object) -> Object:
    """Keeps what decisions need: specs of pods and Jobs, and who manages which field, are most of an object's bytes."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    spec = {
        key: value for key, value in (body.get("spec") or {}).items() if key in ("replicas", "completions", "nodeName")
    }
    return {"metadata": metadata, "spec": spec, "status": body.get("status") or {}}
