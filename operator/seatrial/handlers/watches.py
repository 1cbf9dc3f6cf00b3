"""What is watched. Every handler only hands on what it saw, and the key that it concerns takes a turn."""

from collections.abc import Mapping
from typing import Any

import kopf

from seatrial.api import names
from seatrial.handlers.census import Census
from seatrial.handlers.feed import CHILDREN, TRIALS, Feed
from seatrial.handlers.heartbeat import LEASE, Heartbeat
from seatrial.handlers.storage import NoDifferences, NoProgress
from seatrial.kube.client import PAGE
from seatrial.kube.resources import Resource


def register(registry: kopf.OperatorRegistry, feed: Feed, census: Census, heartbeat: Heartbeat) -> None:
    """Registers all handlers.

    Args:
        registry: Of the operator.
        feed: Takes in what watches show.
        census: Learns what they have shown.
        heartbeat: Learns that they live.
    """
    for resource in (*TRIALS, *CHILDREN):
        _watch(registry, feed, census, resource)

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
    # Pages, and bodies that wait with their idle workers, are most of the memory that a start takes.
    settings.watching.chunk_size = PAGE
    settings.queueing.idle_timeout = 0.2
    for resource in CHILDREN:
        settings.watching.label_selectors[resource.group, resource.plural] = names.OWNER_UID
    settings.watching.field_selectors["coordination.k8s.io", "leases"] = f"metadata.name={LEASE}"


def _watch(registry: kopf.OperatorRegistry, feed: Feed, census: Census, resource: Resource) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry, id=resource.plural)
    async def event(event: Mapping[str, Any], **_: Any) -> None:
        body = dict(event["object"])
        census.seen(body)
        if event["type"] == "DELETED":
            feed.gone(resource, body)
        else:
            feed.shown(resource, body)
