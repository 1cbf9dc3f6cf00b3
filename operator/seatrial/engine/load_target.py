"""Where the workers of a load send it: a Service found by its name, and the number of one of its ports."""

from seatrial.api.existing import Existing
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestTarget
from seatrial.api.scenario import TestScenarioSpec
from seatrial.engine.refusal import Refused
from seatrial.engine.target import TargetError, Targets
from seatrial.kube.client import Client
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import SERVICES


class LoadTargets:
    """Finds the Services of loads.

    Args:
        client: Reads them.
        targets: Finds those that may be used by permission only.
    """

    def __init__(self, client: Client, targets: Targets) -> None:
        self._client = client
        self._targets = targets

    async def find(self, load: LoadSpec, scenario: TestScenarioSpec | None, home: str, namespace: str) -> str:
        """Returns ``host:port`` as the workers reach it.

        Args:
            load: The load.
            scenario: The scenario that it is a step of; None for a LoadTest.
            home: Namespace of the resource.
            namespace: Namespace of the workers.

        Raises:
            Refused: There is no such Service or port, or it may not be used.
            KubeError: The API server does not tell.
        """
        name, port = load.target.service, load.target.port
        services = scenario.environment.services if scenario else []
        wanted = next((entry for entry in services if entry.name == name and entry.existing), None)
        existing, field = (wanted.existing, "target.service") if wanted else (None, "")
        if isinstance(load.target, LoadTestTarget) and load.target.namespace not in (None, home):
            existing, field = Existing(service=name, namespace=load.target.namespace), "target.namespace"
        if existing is None:
            return await self._beside(name, port, namespace)
        try:
            target = await self._targets.find(existing, home)
            return f"{target.host(namespace)}:{target.number((wanted.ports if wanted else None) or [], port)}"
        except TargetError as error:
            raise Refused(f"{field}: {error}", error.reason) from error

    async def _beside(self, name: str, port: str | None, namespace: str) -> str:
        """Finds a Service of the workers' own namespace, in which they resolve its own name."""
        try:
            body = await self._client.get(SERVICES, name, namespace)
        except NotFound as error:
            message = f"target.service: there is no Service {name} in namespace {namespace}"
            raise Refused(message, "TargetNotFound") from error
        ports = body["spec"].get("ports") or []
        chosen = [entry for entry in ports if port in (None, entry.get("name"))]
        if not chosen or (port is None and len(ports) > 1):
            there = ", ".join(str(entry.get("name") or entry["port"]) for entry in ports)
            message = f"target.port: Service {name} has the ports {there}: name one of them"
            raise Refused(message, "TargetPortNotFound")
        return f"{name}:{chosen[0]['port']}"
