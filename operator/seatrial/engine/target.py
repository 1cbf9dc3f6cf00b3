"""Services of others that a trial uses: found, judged by whether they may be used, and never written to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.api.environment import Port
from seatrial.api.existing import Existing
from seatrial.engine.settings import AllowedTarget
from seatrial.kube.client import Client
from seatrial.kube.errors import KubeError, NotFound
from seatrial.kube.resources import ENDPOINT_SLICES, SERVICES

Object = dict[str, Any]


class TargetError(KubeError):
    """A Service cannot be used; the message is for the user.

    Attributes:
        reason: Stable CamelCase word.
        final: Whether asking again is pointless.
    """

    def __init__(self, reason: str, message: str, *, final: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.final = final


@dataclass(frozen=True)
class Target:
    """A Service as it was found.

    Attributes:
        name: Its name.
        namespace: Its namespace.
        ip: Its cluster IP.
        ports: Numbers of its TCP ports, with their names, which may be empty.
        selector: Labels of its pods.
    """

    name: str
    namespace: str
    ip: str
    ports: tuple[tuple[str, int], ...]
    selector: Mapping[str, str]

    def host(self, namespace: str) -> str:
        """The name by which pods of a namespace reach it."""
        return self.name if namespace == self.namespace else f"{self.name}.{self.namespace}"

    def number(self, given: Sequence[Port], port: str | None) -> int:
        """Finds the number of a port.

        Args:
            given: The ports that the scenario gives; without any, the Service's own names count.
            port: Name of the port; None for the only one.

        Raises:
            TargetError: There is no such port.
        """
        numbers = [number for _, number in self.ports]
        if given:
            wanted = next(entry.port for entry in given if port in (None, entry.name))
            found = [number for number in numbers if number == wanted]
        else:
            found = [number for name, number in self.ports if port in (None, name)]
        if len(found) == 1:
            return found[0]
        there = ", ".join(f"{name} ({number})" if name else str(number) for name, number in self.ports) or "no TCP port"
        asked = f"no port {port!r}" if port else "no port of the number given" if given else "several ports: name one"
        raise TargetError("TargetPortNotFound", f"Service {self.namespace}/{self.name} has {asked}; it has {there}")


class Targets:
    """Finds Services.

    Args:
        client: Reads them.
        allowed: Which ones of other namespaces may be used.
    """

    def __init__(self, client: Client, allowed: Sequence[AllowedTarget]) -> None:
        self._client = client
        self._allowed = allowed

    async def find(self, existing: Existing, home: str) -> Target:
        """Finds an existing service.

        Args:
            existing: What the user named.
            home: Namespace of the scenario.

        Raises:
            TargetError: It is not there, or may not be used.
            KubeError: The API server does not tell.
        """
        name, namespace = existing.service, existing.namespace or home
        if namespace != home and not any(entry.allows(home, namespace, name) for entry in self._allowed):
            message = (
                f"Service {name} of namespace {namespace} may not be used from namespace {home}: the platform team "
                "can allow it (allowedTargets in the chart's values)"
            )
            raise TargetError("TargetNotAllowed", message)
        try:
            body = await self._client.get(SERVICES, name, namespace)
        except NotFound as error:
            message = f"there is no Service {name} in namespace {namespace}"
            raise TargetError("TargetNotFound", message, final=False) from error
        return _usable(body)

    async def answering(self, target: Target) -> bool:
        """Whether a Service has endpoints that are ready."""
        labels = f"kubernetes.io/service-name={target.name}"
        for slice_ in await self._client.list(ENDPOINT_SLICES, target.namespace, labels=labels):
            for endpoint in slice_.get("endpoints") or []:
                # Absent means ready (discovery.k8s.io/v1).
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    return True
        return False


def _usable(body: Object) -> Target:
    """Reads a Service that leads to pods which the cluster chose by labels, and nowhere else.

    One that is an alias of a name, or whose endpoints somebody wrote by hand, could lead the operator's own requests
    to any address, its own and the cloud provider's included.
    """
    metadata, spec = body["metadata"], body["spec"]
    title = f"Service {metadata['namespace']}/{metadata['name']}"
    if spec.get("type") == "ExternalName":
        raise TargetError("TargetNotAllowed", f"{title} is an ExternalName, which could lead anywhere")
    if spec.get("clusterIP", "None") in ("", "None"):
        raise TargetError("TargetNotAllowed", f"{title} is headless: name a Service with a cluster IP")
    if not spec.get("selector"):
        raise TargetError("TargetNotAllowed", f"{title} has no selector, so its endpoints could lead anywhere")
    ports = tuple(
        (str(port.get("name") or ""), int(port["port"]))
        for port in spec.get("ports") or []
        if port.get("protocol", "TCP") == "TCP"
    )
    return Target(metadata["name"], metadata["namespace"], spec["clusterIP"], ports, spec["selector"])
