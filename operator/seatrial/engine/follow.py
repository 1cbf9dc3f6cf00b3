"""Following a worker's output through the API server, so that nothing else of the cluster needs to be reachable."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from seatrial.engine.session import WorkerLines
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, KubeError
from seatrial.kube.pause import Pause
from seatrial.load.barrier import read_ready
from seatrial.load.line import LineError, WorkerLine, parse_line

logger = logging.getLogger(__name__)

#: Seconds after the last news for which a log that breaks off is asked for again before its worker counts as lost.
PATIENCE = 30.0


class Changed(Protocol):
    """Called when a line has come."""

    def __call__(self, *, soon: bool) -> None:
        """Takes note; ``soon`` says that others wait for it: the worker is ready, or no more will come from it."""


class _NotEnded(Exception):
    """The output ended without a last line; the container's end may come a moment later."""


async def follow_worker(
    client: Client, namespace: str, pod: str, worker: int, lines: WorkerLines, changed: Changed
) -> None:
    """Reads a worker's lines until its last one.

    Each line carries everything before it, so a connection that breaks in the middle of a long load costs nothing. What
    was printed before is read again as far as the backlog reaches, because the course over time needs it.

    Args:
        client: Reads the log.
        namespace: Where the pod is.
        pod: Its name.
        worker: Its index.
        lines: Takes the lines in.
        changed: Called after each line.
    """
    heard = _Heard()
    retrying = AsyncRetrying(
        stop=heard.nothing_for_long,
        wait=Pause(wait_exponential(multiplier=0.1, max=5) + wait_random(max=0.1)),
        retry=retry_if_exception_type((KubeError, _NotEnded)),
        reraise=True,
    )
    try:
        async for attempt in retrying:
            with attempt:
                async for soon in _read(client, namespace, pod, worker, lines, heard):
                    changed(soon=soon)
    except _NotEnded:
        lines.give_up(worker, "its output ended before its last line")
    except ApiError as error:
        lines.give_up(worker, f"its log cannot be read: {error.message}")
    except KubeError as error:
        lines.give_up(worker, f"its log cannot be read: {error}")
    changed(soon=True)


class _Heard:
    """When a worker was last heard, be it with news or not."""

    def __init__(self) -> None:
        self.now()

    def now(self) -> None:
        self._at = time.monotonic()

    def nothing_for_long(self, _state: RetryCallState) -> bool:
        return time.monotonic() - self._at >= PATIENCE


async def _read(
    client: Client, namespace: str, pod: str, worker: int, lines: WorkerLines, heard: _Heard
) -> AsyncGenerator[bool]:
    """Yields for each line that is news whether others wait for it."""
    async with aclosing(client.follow_log(namespace, pod, lines=lines.backlog)) as log:
        async for text in log:
            if ready := read_ready(text):
                first = worker not in lines.ready
                if lines.take_ready(worker, ready):
                    heard.now()
                    if first:
                        yield True
                continue
            line = _taken(text, pod, worker, lines)
            if line is None:
                continue
            heard.now()
            yield line.last
            if line.last:
                return
    raise _NotEnded


def _taken(text: str, pod: str, worker: int, lines: WorkerLines) -> WorkerLine | None:
    """Takes a line in and returns it if it is news.

    Others than results come from a crash; the missing last line then tells, and the log helps.
    """
    try:
        line = parse_line(text)
        return line if lines.take(worker, line) else None
    except LineError as error:
        logger.warning("pod %s: %s", pod, error)
        return None
