"""Whether an object is one that Seatrial has made: a label alone proves nothing, because anybody can write it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from seatrial.api import names

KINDS = ("TestScenario", "LoadTest")


class Owner(NamedTuple):
    """The resource that an object was made for, as its annotation has it.

    Attributes:
        kind: TestScenario or LoadTest.
        namespace: Its namespace.
        name: Its name.
    """

    kind: str
    namespace: str
    name: str


def owner(metadata: Mapping[str, Any]) -> Owner | None:
    """Reads the annotation; None if there is none, or somebody else wrote something else there."""
    parts = _annotations(metadata).get(names.OWNER, "").split("/")
    return Owner(*parts) if len(parts) == 3 and parts[0] in KINDS and all(parts) else None


def is_environment(metadata: Mapping[str, Any]) -> bool:
    """Whether a namespace has the labels, and the name, of one made for a run, or a record of one those.

    The name follows from resource and run, so a namespace of any other is none, whatever labels it gets.
    """
    made_for, labels = owner(metadata), _labels(metadata)
    if made_for is None:
        return False
    expected = names.environment_namespace(made_for.name, labels.get(names.OWNER_UID, ""), labels.get(names.RUN, ""))
    return _managed(labels) and bool(metadata["name"] == expected)


def is_recorded(metadata: Mapping[str, Any]) -> bool:
    """Whether an environment also holds the run's spec, which it does from its creation on.

    Nothing is ever added to one that is there already. So one that existed before us does not hold it.
    """
    return is_environment(metadata) and names.RUN_SPEC in _annotations(metadata)


def is_ours(kind: str, metadata: Mapping[str, Any]) -> bool:
    """Whether an object was made for a run.

    Args:
        kind: Its kind.
        metadata: Its metadata, which must say so in every respect: whom it was made for, where such an object is, and
            what it is called. A copy under another name, or in another namespace, is the copier's.
    """
    made_for, labels = owner(metadata), _labels(metadata)
    if made_for is None or not _managed(labels):
        return False
    if kind == "Namespace":
        return is_environment(metadata)
    environment = names.environment_namespace(made_for.name, labels[names.OWNER_UID], labels[names.RUN])
    if metadata.get("namespace") not in {made_for.namespace, environment}:
        return False
    if kind == "ControllerRevision":
        return is_environment(metadata)  # StatefulSets make others, with our labels
    if kind in {"Deployment", "StatefulSet", "Service"}:
        return bool(labels.get(names.SERVICE) == metadata["name"])
    return not labels.keys().isdisjoint({names.SERVICE, names.STEP})


def is_collected(metadata: Mapping[str, Any]) -> bool:
    """Whether the cluster takes an object away with its resource, because that owns it."""
    uid = _labels(metadata).get(names.OWNER_UID)
    return any(reference.get("uid") == uid for reference in metadata.get("ownerReferences") or [])


def _managed(labels: Mapping[str, str]) -> bool:
    return labels.get(names.MANAGED_BY) == "seatrial" and bool(labels.get(names.OWNER_UID) and labels.get(names.RUN))


def _labels(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    return metadata.get("labels") or {}


def _annotations(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    return metadata.get("annotations") or {}
