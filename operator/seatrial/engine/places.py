"""Where the pods are that a load observes."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from seatrial.api.load import Target
from seatrial.api.loadtest import LoadTestTarget
from seatrial.api.observe import TARGET
from seatrial.api.scenario import TestScenarioSpec
from seatrial.engine.session import WorkerLines
from seatrial.engine.stage import Stage
from seatrial.engine.target import TargetError, Targets
from seatrial.kube.client import Client
from seatrial.kube.errors import KubeError, NotFound
from seatrial.kube.resources import SERVICES

#: Seconds after which a Service that could not be looked up is looked up again.
PAUSE = 2.0

_ELSEWHERE = "the target is in another namespace, whose pods are not looked at"

Place = tuple[str, Mapping[str, str]]


class _NotObserved(Exception):
    """The pods cannot be told, for good; the message says why."""


class Places:
    """Finds out the namespace and the labels of pods.

    Args:
        client: Looks up Services.
        targets: Finds existing services.
    """

    def __init__(self, client: Client, targets: Targets) -> None:
        self._client = client
        self._targets = targets

    async def of(self, lines: WorkerLines, stage: Stage) -> dict[str, Place]:
        """Finds them all; of those that cannot be told, the reason is noted.

        Args:
            lines: The load; when it ends, nothing is looked for any longer.
            stage: Where it runs.
        """
        selectors = {one.name: one.selector for one in lines.spec.observe}
        places: dict[str, Place] = {
            name: (stage.namespace, selectors[name]) for name in lines.observing if name != TARGET
        }
        while TARGET in lines.observing:
            try:
                places[TARGET] = await self._behind(lines.spec.target, stage)
            except (_NotObserved, TargetError) as error:
                lines.uses[TARGET].unlisted(str(error))
            except KubeError as error:
                lines.uses[TARGET].unlisted(str(error))
                if not lines.ended.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(lines.ended.wait(), PAUSE)
                    continue
            break
        return places

    async def _behind(self, target: Target, stage: Stage) -> Place:
        """The pods behind the target's Service."""
        service = target.service
        if isinstance(target, LoadTestTarget) and target.namespace not in {None, stage.origin.namespace}:
            raise _NotObserved(_ELSEWHERE)
        services = stage.spec.environment.services if isinstance(stage.spec, TestScenarioSpec) else []
        wanted = next((entry for entry in services if entry.name == service and entry.existing), None)
        if wanted and wanted.existing:
            found = await self._targets.find(wanted.existing, stage.origin.namespace)
            if found.namespace not in {stage.namespace, stage.origin.namespace}:
                raise _NotObserved(_ELSEWHERE)
            return found.namespace, found.selector
        try:
            body = await self._client.get(SERVICES, service, stage.namespace)
        except NotFound as error:
            raise _NotObserved(error.message) from error
        selector = body["spec"].get("selector")
        if not selector:
            raise _NotObserved(f"Service {service} has no selector")
        return stage.namespace, selector
