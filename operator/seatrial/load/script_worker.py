"""The worker of a script: the process that runs its tool, and what it exits with."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import uvloop

from seatrial.api.script import Engine
from seatrial.load.assignment import AssignmentError
from seatrial.load.journal import LineWriter
from seatrial.load.k6 import K6
from seatrial.load.locust import Locust
from seatrial.load.samples import Samples
from seatrial.load.script import ScriptShare
from seatrial.load.scripted import Scripted, ScriptError, ScriptInvalid

#: Environment variable with the name of the file that holds the address of worker 0.
LEADER_VARIABLE = "SEATRIAL_LEADER_FILE"

#: Exit codes besides those of a worker without a script.
EXIT_SCRIPT_INVALID = 3
EXIT_SCRIPT_ERROR = 4
_EXIT_REPORTED, _EXIT_BAD_ASSIGNMENT, _EXIT_TERMINATED = 0, 2, 128 + signal.SIGTERM

_CODES: dict[type[Exception], int] = {
    AssignmentError: _EXIT_BAD_ASSIGNMENT,
    ScriptInvalid: EXIT_SCRIPT_INVALID,
    ScriptError: EXIT_SCRIPT_ERROR,
}

#: What is written here becomes the message of the ended container. The end of its log would be half of a line.
_TERMINATION_LOG = Path("/dev/termination-log")


def run_script(
    share: ScriptShare,
    write: Callable[[bytes], object],
    environment: Mapping[str, str],
    *,
    termination_log: Path = _TERMINATION_LOG,
) -> int:
    """Runs a script in processes of its own until it ends or SIGTERM or SIGINT stop it.

    Args:
        share: What to do.
        write: Writes bytes to the reader of the lines; may block.
        environment: The worker's own environment.
        termination_log: Where the reason for an end without a result goes, if there is such a file.

    Returns:
        The exit code: 0 when the script came to its end, 2 if there is no such script, 3 if it did not come to its
        first request, 4 if it did not come to a good end, 143 when it was stopped.

    Raises:
        OSError: Nobody takes its lines.
    """
    lines = LineWriter(write)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(_until_signal(share, lines.write, environment))
    except (AssignmentError, ScriptInvalid, ScriptError) as error:
        print(f"seatrial worker: {error}", file=sys.stderr)
        if termination_log.exists():
            # A message less is no reason to end otherwise.
            with contextlib.suppress(OSError):
                termination_log.write_text(str(error))
        return _CODES[type(error)]
    finally:
        lines.close()
    return _EXIT_REPORTED if done else _EXIT_TERMINATED


async def _until_signal(share: ScriptShare, write: Callable[[str], object], environment: Mapping[str, str]) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    samples = Samples(share.warmup, share.spec.labels)
    return await Scripted(share, _engine(share, samples, environment), samples, write, environment).run(stop)


def _engine(share: ScriptShare, samples: Samples, environment: Mapping[str, str]) -> K6 | Locust:
    if share.spec.engine is Engine.K6:
        return K6(share, samples)
    file = environment.get(LEADER_VARIABLE, "")
    leader = Path(file).read_text().strip() if file else ""
    if share.index > 0 and not leader:
        raise AssignmentError(
            f"{LEADER_VARIABLE} names no file with the address of worker 0, whose master has the users"
        )
    return Locust(share, samples, leader)
