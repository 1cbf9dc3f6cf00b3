"""What the commands need of a cluster; :class:`seatrial.kube.client.Client` has it."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from seatrial.kube.resources import Resource

Object = dict[str, Any]


class Cluster(Protocol):
    """The part of a client that ``seatrial run`` uses. Each method raises KubeError."""

    @property
    def default_namespace(self) -> str:
        """Namespace of documents that name none."""

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        """Returns an object."""

    async def apply(self, resource: Resource, body: Object, *, field_manager: str, force: bool = True) -> Object:
        """Applies a manifest on the server's side and returns the object as stored."""

    async def patch_json(
        self,
        resource: Resource,
        name: str,
        namespace: str | None,
        operations: list[Object],
        *,
        subresource: str | None = None,
    ) -> Object:
        """Applies a JSON patch and returns the object as stored."""

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        """Deletes an object if it is still the one with this UID."""

    def watch(
        self, resource: Resource, namespace: str, *, name: str, resource_version: str | None = None
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yields the changes of an object until the server ends the stream."""
