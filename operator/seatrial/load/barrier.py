"""The barrier at which the workers of one load wait for one another, so that all begin at one moment.

A worker says that it is ready by a line of its own. The operator, once all have, writes the moment into an annotation
of each pod, which the kubelet copies into a file of the pod (downward API). So nothing of the cluster needs to be
reachable from a worker, and no token is needed.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seatrial.load.assignment import AssignmentError

#: Seconds between two looks at the file. It is in memory, and nothing is measured yet.
_LOOK_SECONDS = 0.05
#: Seconds between two times that a worker says so: who reads its output knows by that that it is there.
_SAY_SECONDS = 5.0
_MARK = '"state":"ready"'


class ReadyLine(BaseModel):
    """What a worker prints, again and again, when it has prepared everything and waits for the others.

    Attributes:
        v: Version of the line.
        worker: Number of the worker, from 0.
        seq: Number of the line, from 0.
        state: Always ready.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    v: Literal[1] = 1
    worker: Annotated[int, Field(ge=0)]
    seq: Annotated[int, Field(ge=0)] = 0
    state: Literal["ready"] = "ready"


def read_ready(text: str) -> ReadyLine | None:
    """Reads a line by which a worker says that it is ready; None if it is another one."""
    if _MARK not in text[:100]:
        return None
    with contextlib.suppress(ValidationError):
        return ReadyLine.model_validate_json(text)
    return None


def common_start(worker: int, file: Path, write: Callable[[bytes], object]) -> bool:
    """Says that the worker is ready, and waits for the moment at which all begin.

    A worker that learns of the moment when it is over begins at once: how late it was shows in its lines.

    Args:
        worker: Its number.
        file: Gets the moment, in RFC 3339; it is empty, or not there, as long as that is not known.
        write: Gets the lines.

    Returns:
        False if a signal to end came before.

    Raises:
        AssignmentError: The file holds something else.
    """
    said, since = 0, time.monotonic()
    with _signals() as told:
        while not told:
            if time.monotonic() >= since + said * _SAY_SECONDS:
                write(ReadyLine(worker=worker, seq=said).model_dump_json().encode() + b"\n")
                said += 1
            begin = _moment(file)
            left = _LOOK_SECONDS if begin is None else begin - time.time()
            if left <= 0:
                return True
            time.sleep(min(left, _LOOK_SECONDS))
    return False


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects signals to end. The first process of a container is spared those that it does not handle."""
    told: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: told.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _moment(file: Path) -> float | None:
    """The moment in seconds since 1970."""
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp() if text else None
    except ValueError as error:
        raise AssignmentError(f"{file} holds {text[:40]!r}: it must be the moment to begin, in RFC 3339") from error
