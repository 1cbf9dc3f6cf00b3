"""Reading the run that a load test is compared with, out of the report that it has left."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential, wait_random

from seatrial.api import names as naming
from seatrial.api.timeline import Window
from seatrial.kube.client import Client
from seatrial.kube.errors import KubeError, NotFound, may_pass
from seatrial.kube.pause import Pause
from seatrial.kube.resources import CONFIG_MAPS
from seatrial.plan.observed import BaselineSeen
from seatrial.report.model import read_report
from seatrial.report.size import JSON_KEY, join

Object = dict[str, Any]

#: Seconds for which a report is asked for again: the verdict waits for it.
PATIENCE = 30.0


async def read_baseline(client: Client, namespace: str, uid: str, names: Sequence[str]) -> BaselineSeen:
    """Reads the course of an earlier run.

    Args:
        client: Reads ConfigMaps by name.
        namespace: Where the resource is.
        uid: Its UID; a ConfigMap that is no report of it counts as gone.
        names: The report's parts, in their order.
    """
    parts: list[dict[str, str]] = []
    try:
        for name in names:
            body = await _patiently(client, namespace, name)
            if body["metadata"].get("labels", {}).get(naming.REPORT_OF) != uid:
                return BaselineSeen(gone=f"ConfigMap {name} is no report of this resource")
            parts.append(body.get("data") or {})
        return BaselineSeen(await asyncio.to_thread(_windows, parts))
    except NotFound as error:
        return BaselineSeen(gone=error.message)
    except (KubeError, ValueError) as error:
        return BaselineSeen(unreadable=str(error)[:300])


async def _patiently(client: Client, namespace: str, name: str) -> Object:
    retrying = AsyncRetrying(
        stop=stop_after_delay(PATIENCE),
        wait=Pause(wait_exponential(multiplier=0.1, max=5) + wait_random(max=0.1)),
        retry=retry_if_exception(may_pass),
        reraise=True,
    )
    return await retrying(client.get, CONFIG_MAPS, name, namespace)


def _windows(parts: list[dict[str, str]]) -> tuple[Window, ...]:
    """Raises ValueError if it is no report."""
    report = read_report(join(parts, JSON_KEY))
    return next((timeline.windows for timeline in report.timelines if not timeline.step), ())
