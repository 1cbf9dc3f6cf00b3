"""Getting the report of a run out of the cluster."""

import asyncio
import hashlib
from dataclasses import dataclass

from seatrial.api import names
from seatrial.api.status import TrialStatus
from seatrial.cli.cluster import Cluster, Object
from seatrial.cli.reading import parse_status
from seatrial.kube.errors import ApiError, NotFound
from seatrial.kube.resources import CONFIG_MAPS, Resource
from seatrial.report.compose import composed
from seatrial.report.model import Report, read_report
from seatrial.report.size import JSON_KEY, PARTS, join

#: Seconds after which a report that does not fit its checksum is read again: it may just be written anew.
AGAIN = 1.0


class NoReport(ValueError):
    """There is no such report, or it is not what the operator wrote."""


@dataclass(frozen=True)
class Fetched:
    """A report.

    Attributes:
        report: It.
        note: Why it is not the whole one, if it is not.
    """

    report: Report
    note: str = ""


async def fetch(cluster: Cluster, resource: Resource, stored: Object, run: str | None = None) -> Fetched:
    """Reads the report of a run; of the present one what status says, if there is no more.

    Args:
        cluster: The client.
        resource: Kind of the resource.
        stored: The resource.
        run: Name of the run; the present or last one where omitted.

    Raises:
        NoReport: The run is not known, or its report is damaged.
        KubeError: The API server does not answer, or refuses.
    """
    metadata = stored["metadata"]
    status = parse_status(resource, stored.get("status"))
    current = status.run.id if status.run else None
    wanted = run or current
    if wanted is None:
        raise NoReport(f"{resource.kind} {metadata['namespace']}/{metadata['name']} has not run yet")
    try:
        text = await _text(cluster, metadata, wanted)
        if text and wanted == current and not _fits(status, text):
            await asyncio.sleep(AGAIN)
            newer = await cluster.get(resource, metadata["name"], metadata["namespace"])
            status, text = parse_status(resource, newer.get("status")), await _text(cluster, metadata, wanted)
            if not _fits(status, text):
                raise NoReport(
                    f"the report of run {wanted} is not the one whose sha256 is in status: it has been changed since"
                )
        why = "there is none in the cluster" if not text else ""
    except ApiError as error:
        if error.status != 403:
            raise
        text, why = "", f"you may not read ConfigMaps in namespace {metadata['namespace']}: {error.message}"
    if text:
        return Fetched(read_report(text))
    if wanted != current:
        raise NoReport(f"there is no report of run {wanted}: {why}")
    report = composed(resource.kind, metadata["namespace"], metadata["name"], metadata["uid"], status)
    return Fetched(report, f"this is what status says, without logs, files and record: {why}")


def _fits(status: TrialStatus, text: str) -> bool:
    told = status.report
    return told is None or not told.sha256 or hashlib.sha256(text.encode()).hexdigest() == told.sha256


async def _text(cluster: Cluster, metadata: Object, run: str) -> str:
    """Reads the parts of a report, whose names follow from the resource and the run."""
    parts = []
    for number in range(1, PARTS + 1):
        name = names.report(metadata["name"], metadata["uid"], run, number)
        try:
            body = await cluster.get(CONFIG_MAPS, name, metadata["namespace"])
        except NotFound:
            break
        if body["metadata"].get("labels", {}).get(names.REPORT_OF) != metadata["uid"]:
            break
        parts.append(body.get("data") or {})
    return join(parts, JSON_KEY)
