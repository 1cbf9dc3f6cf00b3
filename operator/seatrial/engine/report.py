"""Writing the report of a run into ConfigMaps beside the resource, and taking old ones away."""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seatrial.api import names
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import ReportStatus, TrialStatus
from seatrial.api.step import JobStep, Step
from seatrial.api.timestamp import stamp
from seatrial.build.report import report_part
from seatrial.engine.chronicle import Chronicle, Chronicles, requesters, spec_digest
from seatrial.engine.key import Key
from seatrial.engine.refusal import Refused
from seatrial.engine.session import Session
from seatrial.engine.stage import Stage
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, KubeError, NotFound
from seatrial.kube.resources import CONFIG_MAPS
from seatrial.plan.decision import Action, DeleteReports, WriteReport
from seatrial.plan.observed import ReportSeen
from seatrial.report.compose import Evidence, composed, merged
from seatrial.report.model import Report, read_report
from seatrial.report.size import JSON_KEY, PARTS, join, packed

logger = logging.getLogger(__name__)

Object = dict[str, Any]

#: Failures that may pass after which a report is given up: nothing may keep an environment for the sake of a report.
TRIES = 5


@dataclass(frozen=True)
class Run:
    """A run, as a report needs it.

    Attributes:
        key: The resource.
        body: It as stored.
        session: What this process knows of the run.
        stage: Where its writes go.
        status: Its status.
    """

    key: Key
    body: Object
    session: Session
    stage: Stage
    status: TrialStatus


class Reporter:
    """Writes and deletes reports.

    Args:
        client: Writes to the API server.
        chronicles: The audit records.
    """

    def __init__(self, client: Client, chronicles: Chronicles) -> None:
        self._client = client
        self._chronicles = chronicles

    async def perform(self, action: Action, run: Run) -> None:
        """Performs WriteReport or DeleteReports.

        Raises:
            KubeError: It may succeed later.
        """
        if isinstance(action, DeleteReports):
            await self._delete(action.names, run)
        elif isinstance(action, WriteReport):
            try:
                await self._write(run, final=action.final)
            except (Refused, KubeError) as error:
                self._failed(run, error)

    def _failed(self, run: Run, error: Refused | KubeError) -> None:
        """Gives up what cannot be written; the run goes on without a report, and says so."""
        session = run.session
        session.report_failures += 1
        passing = not isinstance(error, Refused) and (not isinstance(error, ApiError) or error.transient)
        if passing and session.report_failures < TRIES:
            assert isinstance(error, KubeError)  # noqa: S101 - a refusal does not pass
            raise error
        message = f"the report could not be written: {error}"
        logger.warning("%s: %s", run.key, message)
        session.report = ReportSeen(session.report.written, final=False, given_up=message[:500])

    async def _write(self, run: Run, *, final: bool) -> None:
        chronicle = self._chronicles.of(run.key, run.stage.origin.uid, run.stage.origin.run)
        report = self._composed(run, chronicle, final=final)
        known = run.session.report.written
        if known is None and chronicle.resumed:
            run.session.earlier = await self._earlier(run)
        if run.session.earlier is not None:
            report = merged(run.session.earlier, report)
        # Up to some megabytes are written as JSON and XML: not in the loop that everybody shares.
        text, parts = await asyncio.to_thread(packed, report)
        bodies = [report_part(run.stage.origin, number, data) for number, data in enumerate(parts, start=1)]
        for body in bodies:
            await self._put(run, body, known)
        written = ReportStatus(
            run=run.stage.origin.run,
            config_maps=[body["metadata"]["name"] for body in bodies],
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            bytes=len(text.encode()),
            message=f"left out: {', '.join(report.truncated)}" if report.truncated else "",
        )
        if known is not None:
            surplus = tuple(name for name in known.config_maps if name not in written.config_maps)
            await self._delete(surplus, run)
        run.session.report, run.session.report_failures = ReportSeen(written, final=final), 0

    def _composed(self, run: Run, chronicle: Chronicle, *, final: bool) -> Report:
        session, origin = run.session, run.stage.origin
        spec = run.stage.spec
        digest = spec_digest(spec.model_dump(mode="json", by_alias=True, exclude_unset=True)) if spec else ""
        evidence = Evidence(
            owners=session.owners,
            tails=session.tails,
            parcels=session.parcels,
            suites=session.suites,
            courses={attempt: lines.windows for attempt, lines in session.loads.items()},
            uses={
                attempt: [point for use in lines.uses.values() for point in use.points]
                for attempt, lines in session.loads.items()
            },
            order=_order(spec) if isinstance(spec, TestScenarioSpec) else [],
        )
        return composed(
            run.key.kind,
            run.key.namespace,
            run.key.name,
            origin.uid,
            run.status,
            evidence,
            chronicle.to_audit(requesters(run.body), digest),
            torn_down_at=stamp(datetime.now(UTC)) if final else None,
        )

    async def _put(self, run: Run, body: Object, known: ReportStatus | None) -> None:
        """Creates a part, or replaces what is in it."""
        name, namespace = body["metadata"]["name"], run.key.namespace
        if known is None or name not in known.config_maps:
            try:
                await self._client.create(CONFIG_MAPS, body, namespace)
            except Conflict as error:
                if error.reason != "AlreadyExists":
                    raise Refused(error.message) from error
            else:
                return
        path = f"/metadata/labels/{names.REPORT_OF.replace('/', '~1')}"
        operations: list[Object] = [
            {"op": "test", "path": path, "value": run.stage.origin.uid},
            {"op": "add", "path": "/data", "value": body["data"]},
        ]
        try:
            await self._client.patch_json(CONFIG_MAPS, name, namespace, operations)
        except NotFound:  # somebody has deleted it
            await self._client.create(CONFIG_MAPS, body, namespace)
        except Conflict as error:
            if error.status == 409:
                raise
            raise Refused(f"there is a ConfigMap {name} that is not ours; delete or rename it") from error

    async def _earlier(self, run: Run) -> Report | None:
        """The report of the same run that an earlier operator has written, if it can be read."""
        origin, parts = run.stage.origin, []
        for number in range(1, PARTS + 1):
            name = names.report(origin.name, origin.uid, origin.run, number)
            try:
                body = await self._client.get(CONFIG_MAPS, name, origin.namespace)
            except NotFound:
                break
            if body["metadata"].get("labels", {}).get(names.REPORT_OF) != origin.uid:
                break
            parts.append(body.get("data") or {})
        try:
            return read_report(join(parts, JSON_KEY)) if parts else None
        except ValueError as error:
            logger.warning("%s: the report of run %s cannot be read: %s", run.key, origin.run, error)
            return None

    async def _delete(self, doomed: tuple[str, ...], run: Run) -> None:
        """Deletes ConfigMaps by name, if they are reports of this resource."""
        for name in doomed:
            try:
                body = await self._client.get(CONFIG_MAPS, name, run.key.namespace)
                metadata = body["metadata"]
                if metadata.get("labels", {}).get(names.REPORT_OF) == run.stage.origin.uid:
                    await self._client.delete(CONFIG_MAPS, name, run.key.namespace, uid=metadata["uid"])
            except (NotFound, Conflict):
                continue
            except ApiError as error:
                if error.transient:
                    raise
                logger.warning("%s: the report %s cannot be deleted: %s", run.key, name, error)


def _order(spec: TestScenarioSpec) -> list[str]:
    entries: list[JobStep | Step] = [*spec.setup, *spec.steps, *spec.teardown]
    return [*(service.name for service in spec.environment.services), *(entry.name for entry in entries)]
