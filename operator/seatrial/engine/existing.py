"""What goes on about an existing service while a scenario provisions: it is looked up, and waited for."""

import asyncio
from collections.abc import Callable

from seatrial.api.environment import Service
from seatrial.engine.session import Session
from seatrial.engine.target import Target, TargetError, Targets
from seatrial.kube.errors import KubeError
from seatrial.plan.decision import StartService
from seatrial.probe.address import Address

#: Shortest pause between two look-ups, in seconds, whatever the service's interval is.
LEAST_PAUSE = 0.1

#: Seconds in which a connection must be accepted.
CONNECT_SECONDS = 5.0

#: Told after each look-up: successes in a row, and what was wrong.
Report = Callable[[int, str], None]


class ExistingServices:
    """Looks up existing services, once a run each.

    Args:
        targets: Finds them.
    """

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def address(self, session: Session, service: Service, port: str | None) -> Address:
        """Where an existing service is reached.

        Raises:
            TargetError: It cannot be used.
            KubeError: The API server does not tell.
        """
        target = await self._find(session, service)
        return Address(target.host(session.home), target.ip, target.number(service.ports, port))

    async def come_up(self, session: Session, service: Service, report: Report) -> bool:
        """Waits until a service is there and, if it has no probe of its own, has endpoints that are ready.

        Returns:
            Whether its probe is now to be made. What can never be used is noted in the session.
        """
        key = StartService(service.name).key
        while True:
            try:
                ready = service.ready
                target = await self._find(session, service)
                for port in service.ports or ():
                    target.number(service.ports, port.name)
                if probe := ready.http or ready.tcp:
                    target.number(service.ports, probe.port)
                    session.refusal_reasons.pop(key, None)
                    return True
                reason, failure = await self._answers(target)
                if not failure:
                    session.refusal_reasons.pop(key, None)
                    report(ready.success_threshold, "")
                    return False
                session.refusal_reasons[key] = reason
            except TargetError as error:
                failure = str(error)
                if error.final:
                    session.refuse(key, failure, error.reason)
                    report(0, failure)
                    return False
                session.refusal_reasons[key] = error.reason
            except KubeError as error:
                failure = str(error)
            report(0, failure)
            await asyncio.sleep(max(service.ready.interval.total_seconds(), LEAST_PAUSE))

    async def _answers(self, target: Target) -> tuple[str, str]:
        """Says why a Service cannot be used yet, as a word and as a sentence; both empty if it can."""
        title = f"Service {target.namespace}/{target.name}"
        if not await self._targets.answering(target):
            return "NoEndpoints", f"{title} has no endpoint that is ready"
        for _, number in target.ports[:1]:
            # Nodes learn of endpoints a little later than the API server does.
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, writer = await asyncio.open_connection(target.ip, number)
            except (OSError, TimeoutError):
                return "NoConnection", f"{title} takes no connection on port {number}"
            writer.close()
        return "", ""

    async def _find(self, session: Session, service: Service) -> Target:
        assert service.existing is not None  # noqa: S101 - only existing services come here
        if service.name not in session.targets:
            session.targets[service.name] = await self._targets.find(service.existing, session.home)
        return session.targets[service.name]
