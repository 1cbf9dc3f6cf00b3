"""One program at a time: locks that the kernel lets go of when their holder dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.progress import Progress


@contextmanager
def held(path: Path, progress: Progress) -> Iterator[None]:
    """Holds a lock file for the length of a block, and says so where it has to wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"waiting for another run of this program to end (lock {path})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
