"""Storage of a service: one claim for each of its pods, made and taken away with its StatefulSet."""

from typing import Any

from seatrial.api.storage import Storage

Object = dict[str, Any]

_VOLUME = "data"
#: A fresh volume belongs to root. With a group of its own that every pod is in, images of any user can write to it.
WRITABLE = {"fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch"}


def storage_mount(storage: Storage) -> Object:
    """Mounts the volume."""
    return {"name": _VOLUME, "mountPath": storage.path}


def claim_template(storage: Storage, metadata: Object) -> Object:
    """Builds the template of the claims.

    Args:
        storage: What the user wrote.
        metadata: Metadata of the StatefulSet, whose labels and annotations the claims get.
    """
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class:
        spec["storageClassName"] = storage.storage_class
    labels = {"labels": dict(metadata["labels"]), "annotations": dict(metadata["annotations"])}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": _VOLUME, **labels}, "spec": spec}
