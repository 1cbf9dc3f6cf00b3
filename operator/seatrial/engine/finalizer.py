"""Putting our finalizer on a resource and taking it off, without touching anybody else's."""

from typing import Any

from seatrial.api import names
from seatrial.engine.key import Key
from seatrial.kube.client import Client
from seatrial.kube.resources import BY_KIND

Object = dict[str, Any]


async def add_finalizer(client: Client, key: Key, body: Object) -> Object:
    """Puts it on.

    Raises:
        Conflict: Somebody changed the resource since; its newer version will come by the watch.
    """
    metadata = body["metadata"]
    operations: list[Object] = [{"op": "test", "path": "/metadata/uid", "value": metadata["uid"]}]
    if metadata.get("finalizers"):
        # An answer of ours may have been lost: the list must be the one in which ours was missing.
        operations.append({"op": "test", "path": "/metadata/finalizers", "value": metadata["finalizers"]})
        operations.append({"op": "add", "path": "/metadata/finalizers/-", "value": names.FINALIZER})
    else:
        # Adding a list would replace one that has come meanwhile.
        operations.append({"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]})
        operations.append({"op": "add", "path": "/metadata/finalizers", "value": [names.FINALIZER]})
    return await client.patch_json(BY_KIND[key.kind], key.name, key.namespace, operations)


async def remove_finalizer(client: Client, key: Key, body: Object) -> Object:
    """Takes it off, if it is still there.

    Raises:
        Conflict: Somebody changed the finalizers since; the resource's newer version will come by the watch.
        NotFound: The resource is gone.
    """
    finalizers = body["metadata"].get("finalizers", [])
    if names.FINALIZER not in finalizers:
        return body
    path = f"/metadata/finalizers/{finalizers.index(names.FINALIZER)}"
    operations: list[Object] = [
        {"op": "test", "path": path, "value": names.FINALIZER},
        {"op": "remove", "path": path},
    ]
    return await client.patch_json(BY_KIND[key.kind], key.name, key.namespace, operations)
