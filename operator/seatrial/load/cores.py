"""Several generators in one worker: a process for each core, and one that prints their lines as one.

Python computes on one core a process. Each generator is a fork of this process, so that what is loaded is in memory
once, and takes its share as if it were a worker of its own.
"""

import ctypes
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from seatrial.load.assignment import Assignment
from seatrial.load.journal import write_all
from seatrial.load.joint_line import joint_line
from seatrial.load.line import WorkerLine, parse_line

_PR_SET_PDEATHSIG = 1
_READ_BYTES = 1 << 20

#: Generates a share, writing lines with the function given, and returns the exit code of its process.
Generate = Callable[[Assignment, Callable[[bytes], object]], int]


@dataclass
class Generator:
    """A process that generates a share.

    Attributes:
        pid: Its number.
        output: Descriptor of its lines.
        buffer: What has been read of a line that is not complete.
        line: Its newest line, None before the first.
        fresh: Whether that has not been printed.
        ended: Whether it writes no more.
    """

    pid: int
    output: int
    buffer: bytes = b""
    line: WorkerLine | None = None
    fresh: bool = False
    ended: bool = False


def run_cores(shares: Sequence[Assignment], generate: Generate, write: Callable[[str], object], worker: int) -> list[int]:
    """Generates shares in a process each, until all have ended.

    A signal to end is passed on. If a process ends before its last line the others are ended too, and no more lines are
    written: a result without it would be none.

    Args:
        shares: What each process does.
        generate: Does it there.
        write: Gets the joint lines here.
        worker: Number of the worker.

    Returns:
        The exit code of each process, negative for the signal that ended it.
    """
    generators: list[Generator] = []
    for share in shares:
        generators.append(_start(share, generate, [each.output for each in generators]))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop(generators))
    _follow(generators, write, worker)
    return [os.waitstatus_to_exitcode(os.waitpid(each.pid, 0)[1]) for each in generators]


def _start(share: Assignment, generate: Generate, others: Sequence[int]) -> Generator:
    output, lines = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(lines)
        return Generator(pid, output)
    code = 1
    try:
        for descriptor in (output, *others):
            os.close(descriptor)
        _end_with(parent)
        code = generate(share, write_all(lines))
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as its parent would
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _end_with(parent: int) -> None:
    """Has the kernel end this process when the other one is gone: nobody would read what it measures."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def _follow(generators: Sequence[Generator], write: Callable[[str], object], worker: int) -> None:
    whole, seq = True, 0
    with selectors.DefaultSelector() as selector:
        for each in generators:
            selector.register(each.output, selectors.EVENT_READ, each)
        while selector.get_map():
            for key, _ in selector.select():
                each = key.data
                if not _read(each):
                    selector.unregister(each.output)
                    os.close(each.output)
                    if each.line is None or not each.line.last:
                        whole = False
                        _stop(generators)
            lines = [each.line for each in generators if each.line is not None]
            ready = all(each.fresh or (each.line is not None and each.line.last) for each in generators)
            if whole and ready and any(each.fresh for each in generators):
                write(joint_line(lines, worker, seq).to_text())
                seq += 1
                for each in generators:
                    each.fresh = False


def _read(generator: Generator) -> bool:
    """Takes in what a generator has written. Returns whether more can come."""
    data = os.read(generator.output, _READ_BYTES)
    if not data:
        generator.ended = True
        return False
    *lines, generator.buffer = (generator.buffer + data).split(b"\n")
    if lines:
        generator.line, generator.fresh = parse_line(lines[-1]), True
    return True


def _stop(generators: Sequence[Generator]) -> None:
    for each in generators:
        if not each.ended:
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGTERM)
