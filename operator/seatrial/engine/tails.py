"""The ends of failed containers' logs, read while their pods are there; and what must not be seen in them."""

import asyncio
import re
from collections.abc import Iterable

from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, KubeError
from seatrial.plan.observed import PodSeen, TailSeen

#: What is kept of a log.
LINES = 20
BYTES = 2048
#: What is read to keep that: a few very long lines.
READ_BYTES = 256 * 1024
#: Seconds that reading may take.
TIMEOUT = 5.0

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
#: Credentials that are known by their form: in URLs and in headers of requests.
_CREDENTIALS = (
    (re.compile(r"(://[^/\s:@]{0,100}:)[^/\s@]{1,200}(@)"), r"\1***\2"),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"), r"\1***"),
)
#: Shorter values would blot out words that have nothing to do with them.
SHORTEST_SECRET = 4


async def read_tail(client: Client, namespace: str, pod: PodSeen, secrets: Iterable[str]) -> TailSeen:
    """Reads the end of a pod's log: of a container that was started again, that of its previous life.

    Never raises KubeError: a log that cannot be read is evidence that is missing, and changes no verdict.

    Args:
        client: Reads the log.
        namespace: Where the pod is.
        pod: The pod.
        secrets: Values that must not be shown.
    """
    previous = pod.restarts > 0 and pod.exit_code is None
    try:
        async with asyncio.timeout(TIMEOUT):
            content = await client.read_log(
                namespace, pod.name, container=pod.container, previous=previous, tail_lines=LINES, limit=READ_BYTES
            )
    except TimeoutError:
        return TailSeen(unreadable=f"no answer within {TIMEOUT:g}s", restarts=pod.restarts)
    except ApiError as error:
        return TailSeen(unreadable=error.message or str(error), restarts=pod.restarts)
    except KubeError as error:
        return TailSeen(unreadable=str(error), restarts=pod.restarts)
    return TailSeen(lines=last_lines(content, secrets), restarts=pod.restarts)


def last_lines(content: bytes, secrets: Iterable[str] = ()) -> tuple[str, ...]:
    """Takes the end of a log: lines of printable text, in all at most so many bytes.

    Args:
        content: The log.
        secrets: Values that must not be shown.
    """
    text = redacted(_ESCAPES.sub("", content.decode(errors="replace")), secrets)
    lines = [_CONTROL.sub(" ", line.expandtabs(4)).rstrip() for line in text.split("\n")]
    kept: list[str] = []
    room = BYTES
    for line in reversed([line for line in lines if line][-LINES:]):
        size = len(line.encode()) + 1
        if size > room:
            if not kept:
                kept.append("…" + line.encode()[-(room - 4) :].decode(errors="ignore"))
            break
        kept.append(line)
        room -= size
    return tuple(reversed(kept))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Puts stars in the place of secrets: of known values, and of what looks like credentials."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    for pattern, stars in _CREDENTIALS:
        text = pattern.sub(stars, text)
    return text
