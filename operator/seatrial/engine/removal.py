"""Takes away what a run has made: by name, with its UID as precondition, and only what provably is ours."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from seatrial.api import names
from seatrial.api.provenance import is_environment, is_ours
from seatrial.build.job import job_name
from seatrial.build.origin import Origin
from seatrial.engine.sight import attempt_of
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, NotFound
from seatrial.kube.resources import BESIDE, JOBS, NAMESPACES, WORKLOADS, Resource
from seatrial.plan.decision import (
    Action,
    DeleteNamespace,
    DeleteRest,
    StopAttempt,
    StopLoad,
    StopServices,
    StopWorkloads,
)

logger = logging.getLogger(__name__)

Object = dict[str, Any]


class NotDeleted(ApiError):
    """An object was not deleted, because the API server or something it asks refuses to."""

    def __init__(self, title: str, error: ApiError) -> None:
        message = f"{title} was not deleted: {error.message or error.reason}"
        super().__init__(error.status, error.reason, message, error.retry_after)


class Removal:
    """Performs the actions that delete.

    Args:
        client: Deletes.
        store: Has what was made, and learns at once what was deleted.
        audit: Told of every object that is deleted.
    """

    def __init__(self, client: Client, store: Store, audit: Callable[[Origin, str, str, str], None]) -> None:
        self._client = client
        self._store = store
        self._audit = audit

    async def perform(self, action: Action, origin: Origin, namespace: str) -> None:
        """Performs one action.

        Args:
            action: What to take away.
            origin: The resource and the run.
            namespace: Where the run's objects live.

        Raises:
            NotDeleted: The API server, or something that it asks, refuses to.
            KubeError: It may succeed later.
        """
        match action:
            case StopLoad(step=name):
                await self._stop_load(origin, name)
            case StopAttempt(step=name, attempt=attempt):
                await self._stop_attempt(origin, namespace, name, attempt)
            case StopServices(services=services):
                await self._stop_services(origin, services)
            case StopWorkloads():
                await self._stop_workloads(origin)
            case DeleteNamespace(uid=uid):
                await self._delete_namespace(origin, uid)
            case DeleteRest():
                await self._delete_rest(origin)
            case _:
                raise TypeError(f"nobody performs {action}")

    async def _stop_attempt(self, origin: Origin, namespace: str, name: str, attempt: int) -> None:
        title = origin.title(job_name(name, attempt), namespace)
        for body in self._store.objects(origin.uid, "Job", origin.run):
            metadata = body["metadata"]
            if metadata["name"] == title and not metadata.get("deletionTimestamp"):
                await self._delete(origin, JOBS, body)

    async def _stop_load(self, origin: Origin, name: str) -> None:
        for body in self._store.objects(origin.uid, "Job", origin.run):
            metadata = body["metadata"]
            if attempt_of(metadata["labels"]) == name and not metadata.get("deletionTimestamp"):
                await self._delete(origin, JOBS, body)

    async def _stop_workloads(self, origin: Origin) -> None:
        """Deletes what makes pods."""
        await self._delete_all(origin, WORKLOADS)

    async def _stop_services(self, origin: Origin, services: tuple[str, ...]) -> None:
        """Deletes the workloads of some services, and the Jobs of steps, which may use any of them."""
        await self._delete_all(origin, WORKLOADS, (None, *services))

    async def _delete_rest(self, origin: Origin) -> None:
        """Deletes what is left in the resource's own namespace, the record last."""
        await self._delete_all(origin, [resource for resource in BESIDE if resource not in WORKLOADS])

    async def _delete_all(
        self, origin: Origin, resources: Iterable[Resource], services: tuple[str | None, ...] | None = None
    ) -> None:
        """Deletes what was made for the resource. One refusal does not keep the others.

        Args:
            origin: The run.
            resources: Kinds of what to delete.
            services: Only what belongs to these; None among them stands for what belongs to no service.
        """
        refused: ApiError | None = None
        for resource in resources:
            for body in self._store.objects(origin.uid, resource.kind):
                metadata = body["metadata"]
                other = services is not None and metadata["labels"].get(names.SERVICE) not in services
                if other or metadata.get("deletionTimestamp") or not is_ours(resource.kind, metadata):
                    continue
                try:
                    await self._delete(origin, resource, body)
                except ApiError as error:
                    refused = refused or error
        if refused is not None:
            raise refused

    async def _delete_namespace(self, origin: Origin, uid: str) -> None:
        for body in self._store.objects(origin.uid, "Namespace"):
            metadata = body["metadata"]
            if metadata["uid"] == uid and not metadata.get("deletionTimestamp") and is_environment(metadata):
                await self._delete(origin, NAMESPACES, body)

    async def _delete(self, origin: Origin, resource: Resource, body: Object) -> None:
        """Deletes an object; one that is gone already, or is another one now, is forgotten."""
        name, where = body["metadata"]["name"], body["metadata"].get("namespace")
        title = "/".join(filter(None, (where, name)))
        try:
            await self._client.delete(resource, name, where, uid=body["metadata"]["uid"])
        except NotFound:
            logger.debug("%s %s is gone already", resource.kind, title)
            self._store.drop(resource.kind, body)
        except Conflict:
            if await self._is_ours(resource, body):
                raise  # it changed just then, or goes already: what was not taken away must not be forgotten
            logger.warning("%s %s is another object now than the one we made; it is left alone", resource.kind, title)
            self._store.drop(resource.kind, body)
        except ApiError as error:
            raise NotDeleted(f"{resource.kind} {title}", error) from error
        else:
            self._store.mark_deleting(resource.kind, body)
            self._audit(origin, "deleted", resource.kind, title)

    async def _is_ours(self, resource: Resource, body: Object) -> bool:
        """Whether the object of this name is still the one that we know."""
        metadata = body["metadata"]
        return await self._client.exists(resource, metadata["name"], metadata.get("namespace"), metadata["uid"])
