"""The sidecar: waits until the Job's container has ended, then prints the files that were asked for.

The kubelet tells a native sidecar (KEP-753) by SIGTERM that the pod's own containers have ended. Nobody writes to the
folders any more then, so what is read is what there is.
"""

import fnmatch
import os
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seatrial.api.parcel import FILES, MOUNT, TOTAL_BYTES, VARIABLE, File, Kind, Lack, Wanted, lines, read_wanted

#: Seconds for which the container's hook waits until the sidecar can be told to end.
READY_SECONDS = 30.0
_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
#: One level below the folder: nothing follows a link out of it.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def ready_file() -> Path:
    """What says that the sidecar can be told to end: a file of its own container."""
    return Path(tempfile.gettempdir()) / "seatrial-collect-ready"


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Waits for its end and prints what it finds. Returns the exit code."""
    # Blocked and not handled: the first process of a container is spared signals that it does not handle, but those
    # that it blocks wait for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    ready_file().touch()
    signal.sigwait(_SIGNALS)
    for line in lines(collected(read_wanted(environment[VARIABLE]), Path(MOUNT))):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return 0


def await_ready(patience: float = READY_SECONDS) -> int:
    """Is the hook that keeps the Job's container from starting earlier. Returns the exit code."""
    ends = time.monotonic() + patience
    while not ready_file().exists():
        if time.monotonic() >= ends:
            return 1
        time.sleep(0.02)
    return 0


def collected(wanted: Sequence[Wanted], root: Path) -> Iterator[File | Lack]:
    """Reads what is asked for.

    Args:
        wanted: What.
        root: Where the folders are, by their number.
    """
    left = TOTAL_BYTES
    for one in wanted:
        folder = root / str(one.folder)
        names = _names(folder, one.pattern)
        if not names:
            yield Lack(one.kind, one.name, "Missing", "there is no such file")
        elif len(names) > FILES:
            yield Lack(one.kind, one.name, "TooBig", f"{len(names)} files match, {FILES} are taken at most")
        for name in names if len(names) <= FILES else ():
            entry = _file(one, folder, name, min(one.limit, left))
            if isinstance(entry, File):
                left -= len(entry.content)
            yield entry


def _names(folder: Path, pattern: str) -> list[str]:
    try:
        found = os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []
    return sorted(name for name in found if fnmatch.fnmatchcase(name, pattern))


def _file(one: Wanted, folder: Path, name: str, limit: int) -> File | Lack:
    try:
        descriptor = os.open(folder / name, _FLAGS)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - an open descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Lack(one.kind, one.name, "Unreadable", f"{name} is not a regular file")
            content = file.read(limit + 1)
    except OSError as error:
        why = "it may be read by its owner only: make it readable for all" if error.errno == 13 else error.strerror
        return Lack(one.kind, one.name, "Unreadable", f"{name}: {why}")
    if len(content) > limit:
        return Lack(one.kind, one.name, "TooBig", f"{name} is larger than the {limit:,} bytes that are left for it")
    return File(Kind(one.kind), one.name, name, content)
