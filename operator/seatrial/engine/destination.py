"""Where the workers of a load are sent: the name and the port by which they reach the Service."""

from collections.abc import Sequence
from typing import Any

from seatrial.api.environment import Service
from seatrial.api.existing import Existing
from seatrial.api.load import Target
from seatrial.api.loadtest import LoadTestTarget
from seatrial.engine.refusal import Refused
from seatrial.engine.target import TargetError, Targets
from seatrial.kube.client import Client
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import ENDPOINT_SLICES, SERVICES

Object = dict[str, Any]


class Destinations:
    """Finds out where workers are to be sent.

    Args:
        client: Reads Services.
        targets: Finds those of others.
    """

    def __init__(self, client: Client, targets: Targets) -> None:
        self._client = client
        self._targets = targets

    async def find(self, target: Target, namespace: str, home: str, services: Sequence[Service] = ()) -> str:
        """Finds the Service's port by its name; workers resolve the Service's own name in their namespace.

        Args:
            target: What the user named.
            namespace: Where the workers are.
            home: The resource's own namespace.
            services: The services of the scenario.

        Returns:
            ``host:port``.

        Raises:
            Refused: There is no such Service or port, or it may not be used.
        """
        wanted = next((entry for entry in services if entry.name == target.service and entry.existing), None)
        existing, ports, field = (wanted.existing, wanted.ports, "target.service") if wanted else (None, [], "")
        if isinstance(target, LoadTestTarget) and target.namespace not in (None, home):
            existing, field = Existing(service=target.service, namespace=target.namespace), "target.namespace"
        if existing:
            try:
                found = await self._targets.find(existing, home)
                port = found.number(ports, target.port)
            except TargetError as error:
                raise Refused(f"{field}: {error}", error.reason) from error
            return f"{_secured(found.name, found.namespace) if target.tls else found.host(namespace)}:{port}"
        try:
            body = await self._client.get(SERVICES, target.service, namespace)
        except NotFound as error:
            message = f"target.service: there is no Service {target.service} in namespace {namespace}"
            raise Refused(message, "TargetNotFound") from error
        number = await self._number(target, body)
        return f"{_secured(target.service, namespace) if target.tls else target.service}:{number}"

    async def _number(self, target: Target, body: Object) -> int:
        ports = body["spec"].get("ports") or []
        chosen = [entry for entry in ports if target.port in (None, entry.get("name"))]
        if not chosen or (target.port is None and len(ports) > 1):
            there = ", ".join(str(entry.get("name") or entry["port"]) for entry in ports)
            message = f"target.port: Service {target.service} has the ports {there}: name one of them"
            raise Refused(message, "TargetPortNotFound")
        if body["spec"].get("clusterIP") == "None":
            return await self._number_at_pods(body["metadata"], chosen[0])
        return int(chosen[0]["port"])

    async def _number_at_pods(self, service: Object, port: Object) -> int:
        """The port of the pods themselves: a headless Service's name leads to them, and nobody translates ports."""
        at_pods = port.get("targetPort") or port["port"]
        if isinstance(at_pods, int):
            return at_pods
        labels = f"kubernetes.io/service-name={service['name']}"
        slices = await self._client.list(ENDPOINT_SLICES, service["namespace"], labels=labels)
        numbers = {
            entry["port"]
            for slice_ in slices
            for entry in slice_.get("ports") or []
            if (entry.get("name") or "") == (port.get("name") or "") and entry.get("port")
        }
        if len(numbers) == 1:
            return int(numbers.pop())
        why = "its pods have it under several numbers" if numbers else "it has no pods that say which number that is"
        message = f"target.port: the headless Service {service['name']} has the target port {at_pods!r}, but {why}"
        raise Refused(message, "TargetPortNotFound")


def _secured(service: str, namespace: str) -> str:
    """The name that certificates of Services have by custom, and the API server itself asks of its webhooks'."""
    return f"{service}.{namespace}.svc"
