"""The worker: one process that generates its share of a load and prints what it measured.

It needs no cluster: three environment variables say what to do, standard output gets a line a second (see ``line``),
and the exit code is 0 when it has measured and reported, whatever it measured: thresholds are the operator's to judge.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic_ns
from typing import Any

import uvloop

from seatrial.load.arrivals import Arrivals
from seatrial.load.assignment import Assignment, AssignmentError
from seatrial.load.barrier import common_start
from seatrial.load.cores import Cores
from seatrial.load.handshake import client_context
from seatrial.load.journal import Journal, LineWriter, write_all
from seatrial.load.message import RequestError
from seatrial.load.order import assignments_from, order_from
from seatrial.load.pace import Pace
from seatrial.load.script import script_share
from seatrial.load.users import Users

#: Environment variable with the name of the file that says when to begin.
START_VARIABLE = "SEATRIAL_START_FILE"

#: Exit codes. 128 + signal is what a shell makes of a process that a signal ended.
EXIT_REPORTED = 0
EXIT_BAD_ASSIGNMENT = 2
EXIT_TERMINATED = 128 + signal.SIGTERM
_GOOD = (EXIT_REPORTED, EXIT_TERMINATED)

_LINE_INTERVAL = 1_000_000_000
_TICK_SECONDS = 0.02


class WorkerError(RuntimeError):
    """The load generator failed, not the service."""


async def generate(share: Assignment, write: Callable[[str], object], stop: asyncio.Event) -> bool:
    """Generates a worker's share of the load.

    Args:
        share: What to do.
        write: Gets each line, without its end; must return at once.
        stop: Set it to end early.

    Returns:
        Whether all was done; False if it was stopped.

    Raises:
        RequestError: A request cannot be sent.
        WorkerError: The generator itself failed; what it had measured is not reported.
    """
    if share.tls:
        client_context(share.tls, share.ca)  # before the clock starts
    begin = monotonic_ns()
    pace = _pace(share, begin)
    journal = Journal(share.index, pace, begin + share.warmup, cores=share.cores)
    sweep_every = max(share.patience // 50, int(_TICK_SECONDS * 1e9))
    next_line, next_sweep = begin + _LINE_INTERVAL, begin + sweep_every
    failures = _stop_on_failure(stop)
    pace.start()
    try:
        while not pace.ended and not stop.is_set():
            journal.loop_lag = max(journal.loop_lag, await _tick(stop))
            now = monotonic_ns()
            if now >= next_sweep:
                pace.sweep()
                next_sweep = now + sweep_every
            if now >= next_line:
                write((await journal.line()).to_text())
                next_line += _LINE_INTERVAL
        if failures:
            raise WorkerError("the load generator itself failed") from failures[0]
        done = pace.ended
        write((await journal.line("final" if done else "interrupted")).to_text())
    finally:
        pace.stop()
        await asyncio.sleep(0)  # lets the connections hear that they are closed
    return done


def _pace(share: Assignment, begin: int) -> Pace:
    if not share.flows:
        return (Arrivals if share.open else Users)(share, begin)
    # What needs no expressions starts without the library for them.
    from seatrial.load.visits import ArrivingVisits, UsersVisits

    return (ArrivingVisits if share.open else UsersVisits)(share, begin)


def _prepare(share: Assignment) -> None:
    """Finds what cannot be sent, and loads what takes time to load, before others wait for this worker."""

    async def build() -> None:
        if share.tls:
            client_context(share.tls, share.ca)
        _pace(share, monotonic_ns())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(build())


def _stop_on_failure(stop: asyncio.Event) -> list[BaseException]:
    """Lets an exception in a callback end the load: what is measured after it could not be trusted."""
    failures: list[BaseException] = []

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failures.append(context.get("exception") or RuntimeError(context["message"]))
        stop.set()

    asyncio.get_running_loop().set_exception_handler(handle)
    return failures


async def _tick(stop: asyncio.Event) -> int:
    """Waits for a tick; returns by how many nanoseconds it came late."""
    expected = monotonic_ns() + int(_TICK_SECONDS * 1e9)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _TICK_SECONDS)
    return max(monotonic_ns() - expected, 0)


def run_worker(share: Assignment, write: Callable[[bytes], object]) -> int:
    """Runs a worker in this process until it has done its share or SIGTERM or SIGINT stop it.

    Args:
        share: What to do.
        write: Writes bytes to the reader of the lines; may block.

    Returns:
        The exit code: 0 when all was done, 143 when it was stopped.

    Raises:
        RequestError: A request cannot be sent.
        WorkerError: The generator itself failed, or nobody takes its lines.
    """
    _raise_open_files()
    lines = LineWriter(write)
    # What is there now stays: the collector need not look at it again and again.
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(_until_signal(share, lines.write))
    _close(lines)
    return EXIT_REPORTED if done else EXIT_TERMINATED


async def _until_signal(share: Assignment, write: Callable[[str], object]) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await generate(share, write, stop)


def run_cores(shares: Sequence[Assignment], write: Callable[[bytes], object]) -> int:
    """Runs a worker of several cores, each in a process of its own, like ``run_worker``.

    Args:
        shares: What each does.
        write: Writes bytes to the reader of the joint lines; may block.

    Returns:
        The exit code: 0 when all was done, 143 when it was stopped, 2 when a request cannot be sent.

    Raises:
        WorkerError: A generator failed, or nobody takes the lines.
    """
    with Cores(shares, lambda share, lines: _explained(lambda: run_worker(share, lines))) as cores:
        lines = LineWriter(write)
        codes = cores.follow(lines.write)
        _close(lines)
    if EXIT_BAD_ASSIGNMENT in codes:
        return EXIT_BAD_ASSIGNMENT
    if wrong := [f"core {core} ended with {code}" for core, code in enumerate(codes) if code not in _GOOD]:
        raise WorkerError(f"{', '.join(wrong)}; there is no result without it")
    return max(codes)


def _explained(run: Callable[[], int]) -> int:
    try:
        return run()
    except (AssignmentError, RequestError) as error:
        print(f"seatrial worker: {error}", file=sys.stderr)
        return EXIT_BAD_ASSIGNMENT


def _close(lines: LineWriter) -> None:
    try:
        lines.close()
    except OSError as error:
        raise WorkerError(f"the result could not be written to standard output: {error}") from error


def _raise_open_files() -> None:
    """Allows as many connections as the system does; the default of 1024 is for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Not every system can do what it says is allowed; what cannot be opened is then counted as an error of connecting.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(environment: Mapping[str, str] = os.environ, output: int = 1) -> int:
    """The command ``seatrial worker``.

    Args:
        environment: Holds the assignment, see ``assignments_from``.
        output: Descriptor that the lines are written to.

    Returns:
        The exit code: 0 measured and reported, 2 bad assignment, 143 stopped; of a script also what
        ``script_worker`` says.

    Raises:
        WorkerError: The generator itself failed; the process then ends with 1 and a traceback.
    """

    def run() -> int:
        order, write = order_from(environment), write_all(output)
        script = order.spec.script
        shares = [] if script else assignments_from(environment)
        if start_file := environment.get(START_VARIABLE):
            if shares:
                _prepare(shares[0])
            if not common_start(order.index, Path(start_file), write):
                return EXIT_TERMINATED
        if script:
            from seatrial.load.script_worker import run_script

            share = script_share(order.spec, host=order.host, port=order.port, index=order.index)
            return run_script(share, write, environment)
        return run_worker(shares[0], write) if len(shares) == 1 else run_cores(shares, write)

    return _explained(run)
