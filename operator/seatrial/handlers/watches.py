"""What is watched. Every handler only remembers what it saw and wakes the key that it concerns.

Objects are fed through kopf's indexing as well as through its events, because kopf finishes indexing everything that
exists before it calls the first event handler: so no turn ever takes an object for missing that was only not read yet.
"""

from collections.abc import Mapping
from typing import Any

import kopf

from seatrial.api import names
from seatrial.engine.controller import Controller
from seatrial.engine.key import Key
from seatrial.handlers.heartbeat import LEASE, Heartbeat
from seatrial.handlers.storage import NoDifferences, NoProgress
from seatrial.kube.resources import BESIDE, LOAD_TESTS, NAMESPACES, PODS, TEST_SCENARIOS, WORKLOADS, Resource

_CHILDREN = (NAMESPACES, *BESIDE, PODS)
#: What has no state of its own: only that it is going, or gone, is worth a turn.
_PASSIVE = frozenset(BESIDE) - frozenset(WORKLOADS)


def register(registry: kopf.OperatorRegistry, controller: Controller, heartbeat: Heartbeat) -> None:
    """Registers all handlers.

    Args:
        registry: Of the operator.
        controller: Is woken.
        heartbeat: Learns that watches live.
    """
    for resource in (TEST_SCENARIOS, LOAD_TESTS):
        _watch_resources(registry, controller, resource)
    for resource in _CHILDREN:
        _watch_children(registry, controller, resource)

    @kopf.on.event("coordination.k8s.io", "v1", "leases", registry=registry, id="heartbeat")
    async def beat(body: Mapping[str, Any], **_: Any) -> None:
        heartbeat.seen(dict(body))


def configure(settings: kopf.OperatorSettings) -> None:
    """Sets what kopf does on its own: nothing but watching what concerns us, with timeouts on every call."""
    settings.persistence.finalizer = f"{names.FINALIZER}-kopf"
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.diffbase_storage = NoDifferences()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 270
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = 500
    for resource in _CHILDREN:
        settings.watching.label_selectors[resource.group, resource.plural] = names.OWNER_UID
    settings.watching.field_selectors["coordination.k8s.io", "leases"] = f"metadata.name={LEASE}"


def _watch_resources(registry: kopf.OperatorRegistry, controller: Controller, resource: Resource) -> None:
    def key_of(body: Mapping[str, Any]) -> Key:
        return Key(resource.kind, body["metadata"]["namespace"], body["metadata"]["name"])

    where = (resource.group, resource.version, resource.plural)

    @kopf.index(*where, registry=registry, id=f"{resource.plural}-index")
    async def index(body: Mapping[str, Any], **_: Any) -> None:
        controller.store.put_resource(key_of(body), dict(body))

    @kopf.on.event(*where, registry=registry, id=f"{resource.plural}-event")
    async def event(event: Mapping[str, Any], **_: Any) -> None:
        body = dict(event["object"])
        key = key_of(body)
        if event["type"] == "DELETED":
            controller.store.drop_resource(key, body)
            controller.sweeper.resource_gone(body)
        else:
            controller.store.put_resource(key, body)
        controller.wake(key)


def _watch_children(registry: kopf.OperatorRegistry, controller: Controller, resource: Resource) -> None:
    where = (resource.group, resource.version, resource.plural)

    @kopf.index(*where, registry=registry, id=f"{resource.plural}-index")
    async def index(body: Mapping[str, Any], **_: Any) -> None:
        controller.store.put(resource.kind, dict(body))

    @kopf.on.event(*where, registry=registry, id=f"{resource.plural}-event")
    async def event(event: Mapping[str, Any], **_: Any) -> None:
        body = dict(event["object"])
        if event["type"] == "DELETED":
            controller.store.drop(resource.kind, body)
        else:
            controller.store.put(resource.kind, body)
            controller.sweeper.notice(body)
            if resource in _PASSIVE and not body["metadata"].get("deletionTimestamp"):
                return
        owner = Key.parse(body["metadata"].get("annotations", {}).get(names.OWNER, ""))
        if owner is not None:
            controller.wake(owner)
