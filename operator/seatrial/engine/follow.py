"""Following a worker's output through the API server, so that nothing else of the cluster needs to be reachable."""

import logging
import time
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

    Reading starts at the newest line, because each carries everything before it. So a connection that breaks in the
    middle of a long load costs nothing.

    Args:
        client: Reads the log.
        namespace: Where the pod is.
        pod: Its name.
        worker: Its index.
        lines: Takes the lines in.
        changed: Called after each line.
    """
    heard = time.monotonic()

    def news(*, soon: bool) -> None:
        nonlocal heard
        heard = time.monotonic()
        changed(soon=soon)

    def silent(_state: RetryCallState) -> bool:
        return time.monotonic() - heard >= PATIENCE

    retrying = AsyncRetrying(
        stop=silent,
        wait=Pause(wait_exponential(multiplier=0.1, max=5) + wait_random(max=0.1)),
        retry=retry_if_exception_type((KubeError, _NotEnded)),
        reraise=True,
    )
    try:
        async for attempt in retrying:
            with attempt:
                await _read(client, namespace, pod, worker, lines, news)
    except _NotEnded:
        lines.give_up(worker, "its output ended before its last line")
    except ApiError as error:
        lines.give_up(worker, f"its log cannot be read: {error.message}")
    except KubeError as error:
        lines.give_up(worker, f"its log cannot be read: {error}")
    changed(soon=True)


async def _read(client: Client, namespace: str, pod: str, worker: int, lines: WorkerLines, news: Changed) -> None:
    async with aclosing(client.follow_log(namespace, pod)) as log:
        async for text in log:
            if ready := read_ready(text):
                if lines.take_ready(worker, ready):
                    news(soon=True)
                continue
            line = _taken(text, pod, worker, lines)
            if line is None:
                continue
            news(soon=line.last)
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
