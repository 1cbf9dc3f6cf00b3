"""Looking at observed pods while load goes on. The metrics API cannot be watched, so it is asked every ten seconds."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from seatrial.engine.use import Use
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, KubeError, NotFound
from seatrial.kube.resources import POD_METRICS, PODS

#: Seconds between two samples; metrics-server itself makes one every 10 to 15.
INTERVAL = 10.0
#: Seconds for the last look, which the verdict waits for.
LAST = 10.0
#: Pods that are looked at, of each selector.
MOST_PODS = 100


async def sample(
    client: Client,
    places: Mapping[str, tuple[str, Mapping[str, str]]],
    uses: Mapping[str, Use],
    measured: Callable[[], float],
    ended: asyncio.Event,
    changed: Callable[[], None],
) -> None:
    """Looks at pods until the load has ended, and once more then.

    Args:
        client: Reads.
        places: Namespace and labels of the pods, by name.
        uses: Takes what is found, by name.
        measured: Tells the seconds of measured time.
        ended: Set when the load has ended.
        changed: Called after each look.
    """
    while True:
        last = ended.is_set()
        try:
            async with asyncio.timeout(LAST):
                for name, (namespace, labels) in places.items():
                    await _look(client, namespace, labels, uses[name], measured)
        except TimeoutError:
            for name in places:
                uses[name].unlisted(f"no answer within {LAST:g} s")
        changed()
        if last:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), INTERVAL)


async def _look(
    client: Client, namespace: str, labels: Mapping[str, str], use: Use, measured: Callable[[], float]
) -> None:
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    try:
        items = await client.list(POD_METRICS, namespace, limit=MOST_PODS, labels=selector)
        use.measured(items[:MOST_PODS], datetime.now(UTC), measured())
    except (LookupError, ValueError, ArithmeticError, TypeError) as error:
        use.message = f"the metrics API's answer cannot be read: {error!r}"
    except NotFound:
        use.message = "this cluster has no metrics API (metrics.k8s.io): install metrics-server"
    except ApiError as error:
        use.message = f"the metrics API does not tell: {error.message}"
    except KubeError as error:
        use.message = f"the metrics API does not answer: {error}"
    try:
        use.listed(await client.list(PODS, namespace, limit=MOST_PODS, labels=selector))
    except KubeError as error:
        use.unlisted(str(error))
