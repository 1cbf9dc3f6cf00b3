"""Where an object comes from: the resource and the run it is made for. Every builder takes one."""

from dataclasses import dataclass
from typing import Any

from seatrial.api import names
from seatrial.api.base import API_VERSION


@dataclass(frozen=True)
class Origin:
    """The resource and the run that objects are made for.

    Attributes:
        kind: TestScenario or LoadTest.
        namespace: Namespace of the resource.
        name: Its name.
        uid: Its UID.
        run: Name of the run.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    run: str

    def metadata(self, name: str, namespace: str | None = None, **labels: str) -> dict[str, Any]:
        """Metadata of an object of the run, with the labels by which it is found and recognised as ours.

        Args:
            name: The object's name.
            namespace: Where it goes; None for cluster-scoped objects.
            labels: ``service``, or ``step`` and ``attempt``.
        """
        metadata: dict[str, Any] = {
            "name": name,
            "labels": names.labels(self.uid, self.run, **labels),
            "annotations": names.owner(self.kind, self.namespace, self.name),
        }
        if namespace:
            metadata["namespace"] = namespace
        return metadata

    def owner_reference(self) -> dict[str, Any]:
        """Lets the cluster collect an object with its resource; works within one namespace only."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
