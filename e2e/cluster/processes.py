"""The cluster's own processes: started, recorded by id and start time, recognised, ended.

A process id alone names nothing: after a killed run it may belong to somebody else. A record
therefore holds the start time as well (field 22 of ``/proc/PID/stat``), and every process carries
the cluster's state folder in its environment, which containerd's shims inherit, so that a process
whose record was lost is still found. No process is ever looked for by its program's name.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "SEATRIAL_CLUSTER"
PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process for its whole life.

    Attributes:
        pid: Process id, which the kernel reuses.
        started: Start time in clock ticks since the machine's boot, which makes it unique.
    """

    pid: int
    started: int

    def written(self) -> str:
        """Returns the text of a record file."""
        return f"{self.pid} {self.started}\n"


def parse_record(text: str) -> Process | None:
    """Reads a record file; a half-written one is no record."""
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None
    return Process(pid=int(words[0]), started=int(words[1]))


def parse_stat(text: str) -> tuple[str, int]:
    """Reads state letter and start time from the text of ``/proc/PID/stat``.

    The program's name stands in brackets and may hold blanks and brackets itself (proc(5)), hence
    the search from the right.
    """
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], int(fields[19])


def observe(pid: int, proc: Path = PROC) -> Process | None:
    """Returns the process that has this id now; None where there is none, or only a zombie."""
    try:
        state, started = parse_stat((proc / str(pid) / "stat").read_text())
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else Process(pid=pid, started=started)


def is_alive(process: Process, proc: Path = PROC) -> bool:
    """Says whether this very process still runs, and not another one with its id."""
    return observe(process.pid, proc) == process


def start(
    argv: Sequence[str | Path], *, log: Path, record: Path, state: Path, extra_env: Mapping[str, str] | None = None
) -> Process:
    """Starts a process that outlives this one, and records it.

    Args:
        argv: Program and arguments.
        log: File for its output; replaced.
        record: File for its id and start time.
        state: The cluster's state folder, put into its environment as the mark.
        extra_env: Added to the environment.
    """
    environment = {**os.environ, **(extra_env or {}), MARK: str(state)}
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    _, started = parse_stat((PROC / str(child.pid) / "stat").read_text())
    # It is left running on purpose; without this the interpreter would warn of that.
    child.returncode = 0
    process = Process(pid=child.pid, started=started)
    partial = record.with_suffix(".partial")
    partial.write_text(process.written())
    partial.rename(record)
    return process


def recorded(folder: Path) -> dict[str, Process]:
    """Returns the records of a folder by component name, whether alive or not."""
    records = {path.stem: parse_record(path.read_text()) for path in sorted(folder.glob("*.pid"))}
    return {name: process for name, process in records.items() if process is not None}


def marked(proc: Path = PROC) -> dict[Process, str]:
    """Returns every process that carries the mark of a cluster, with the state folder it names."""
    found: dict[Process, str] = {}
    prefix = f"{MARK}=".encode()
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended in the meantime, or another user's
        values = [variable[len(prefix) :] for variable in variables if variable.startswith(prefix)]
        process = observe(int(folder.name), proc) if values else None
        if process is not None:
            found[process] = os.fsdecode(values[0])
    return found


def kill(processes: Iterable[Process], *, timeout: float = 10.0) -> list[Process]:
    """Kills processes and waits until they are gone.

    They are killed and not asked: what they hold is thrown away with the cluster, and so taking a
    cluster down and clearing up after a killed run are one and the same code.

    Returns:
        Those still there after the timeout in seconds.
    """
    left = [process for process in processes if is_alive(process)]
    for process in left:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + timeout
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if is_alive(process)]
    return left
