"""Reading what a Job's sidecar hands over, and what its test cases come to."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential, wait_random

from seatrial.api.parcel import CONTAINER, File, Kind, Parcel, ParcelError, read
from seatrial.engine.tails import SHORTEST_SECRET
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, KubeError, Unreachable
from seatrial.plan.observed import FilesSeen
from seatrial.report.cases import Suite, UnreadableCases, counts, read_suite

#: Seconds that reading may take. The sidecar itself has the pod's grace period.
TIMEOUT = 20.0
#: Bytes of output that are read: 1 MiB of files, encoded.
READ_BYTES = 2 * 1024 * 1024


_REASONS = {"Missing": "JUnitMissing", "TooBig": "JUnitTooBig", "Unreadable": "JUnitUnreadable"}


@dataclass(frozen=True)
class Handover:
    """What was read.

    Attributes:
        seen: What it means for the step.
        parcel: All files.
        suites: The test cases in them.
    """

    seen: FilesSeen
    parcel: Parcel = field(default_factory=Parcel)
    suites: tuple[Suite, ...] = ()


class _Passing(Exception):
    """The API server could not serve the log; it may a moment later."""


async def read_handover(client: Client, namespace: str, pod: str, secrets: Iterable[str] = ()) -> Handover:
    """Reads what a pod's sidecar has printed, and waits for its end.

    Never raises KubeError: what cannot be read is an observation.

    Args:
        client: Reads the log.
        namespace: Where the pod is.
        pod: Its name.
        secrets: Values that must not be shown.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            text = await _read(client, namespace, pod)
            # Up to a megabyte is decoded and parsed: not in the loop that everybody shares.
            return await asyncio.to_thread(_understood, text, tuple(secrets))
    except TimeoutError:
        return _unreadable(f"the sidecar's output did not end within {TIMEOUT:g}s")
    except ApiError as error:
        return _unreadable(f"the sidecar's output cannot be read: {error.message}")
    except (KubeError, _Passing) as error:
        return _unreadable(f"the sidecar's output cannot be read: {error}")


async def _read(client: Client, namespace: str, pod: str) -> bytes:
    retrying = AsyncRetrying(
        stop=stop_after_delay(TIMEOUT),
        wait=wait_exponential(multiplier=0.1, max=2) + wait_random(max=0.1),
        retry=retry_if_exception_type((Unreachable, _Passing)),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            try:
                return await client.read_log(namespace, pod, container=CONTAINER, limit=READ_BYTES, follow=True)
            except ApiError as error:
                if error.transient:
                    raise _Passing(error.message) from error
                raise
    raise AssertionError("a retry ends by a result or an error")


def _unreadable(message: str) -> Handover:
    return Handover(FilesSeen(reason="JUnitUnreadable", message=message))


def _understood(text: bytes, secrets: tuple[str, ...]) -> Handover:
    try:
        parcel = read(text.decode(errors="replace").splitlines())
        parcel = replace(parcel, files=tuple(_without_secrets(file, secrets) for file in parcel.files))
    except (ParcelError, ValueError, KeyError, TypeError) as error:
        return _unreadable(f"the sidecar's output is not whole: {error}")
    lack = next((lack for lack in parcel.lacks if lack.kind is Kind.JUNIT), None)
    if lack is not None:
        seen = FilesSeen(reason=_REASONS.get(lack.problem, "JUnitUnreadable"), message=f"{lack.name}: {lack.detail}")
        return Handover(seen, parcel)
    try:
        suites = tuple(read_suite(file.path, file.content) for file in parcel.files if file.kind is Kind.JUNIT)
    except UnreadableCases as error:
        return Handover(FilesSeen(reason="JUnitUnreadable", message=str(error)), parcel)
    return Handover(FilesSeen(junit=counts(suites) if suites else None), parcel, suites)


def _without_secrets(file: File, secrets: tuple[str, ...]) -> File:
    content = file.content
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            content = content.replace(secret.encode(), b"***")
    return replace(file, content=content)
