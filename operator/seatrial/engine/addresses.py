"""Where a service of a run is reached: the cluster IP of its Service, and one of its ports."""

from collections.abc import Mapping

from tenacity import retry, retry_if_exception, stop_after_delay, wait_exponential, wait_random

from seatrial.api.environment import Service
from seatrial.engine.existing import ExistingServices
from seatrial.engine.session import Session
from seatrial.kube.client import Client
from seatrial.kube.errors import may_pass
from seatrial.kube.pause import Pause
from seatrial.kube.resources import SERVICES
from seatrial.probe.address import Address
from seatrial.probe.redirect import Resolve

#: Seconds for which a Service is asked for again before a request that should go to it counts as an error.
LOOKUP_PATIENCE = 30.0


class Addresses:
    """Looks services up, each once a run.

    Args:
        client: Asks for Services.
        existing: Knows those that run already.
    """

    def __init__(self, client: Client, existing: ExistingServices) -> None:
        self._client = client
        self._existing = existing

    async def probed(self, session: Session, namespace: str, service: Service) -> Address:
        """Where a service is probed."""
        probe = service.ready.probe
        return await self._of(session, namespace, service, probe.port if probe else None)

    @retry(
        retry=retry_if_exception(may_pass),
        stop=stop_after_delay(LOOKUP_PATIENCE),
        wait=Pause(wait_exponential(multiplier=0.1, max=5) + wait_random(max=0.1)),
        reraise=True,
    )
    async def requested(self, session: Session, namespace: str, service: Service, port: str | None) -> Address:
        """Where a request goes: nothing has been sent yet, so a bad moment of the API server need not end it."""
        return await self._of(session, namespace, service, port)

    def resolving(self, session: Session, namespace: str, services: Mapping[str, Service]) -> Resolve:
        """Finds services for redirects: those of the environment and no others."""

        async def resolve(name: str, number: int) -> Address | None:
            service = services.get(name)
            port = next((port.name for port in service.ports if port.port == number), None) if service else None
            if service is None or port is None:
                return None
            return await self.requested(session, namespace, service, port)

        return resolve

    async def _of(self, session: Session, namespace: str, service: Service, port: str | None) -> Address:
        if service.existing:
            return await self._existing.address(session, service, port)
        if service.name not in session.addresses:
            body = await self._client.get(SERVICES, service.name, namespace)
            session.addresses[service.name] = body["spec"]["clusterIP"]
        number = next(entry.port for entry in service.ports if port in (None, entry.name))
        return Address(service.name, session.addresses[service.name], number)
