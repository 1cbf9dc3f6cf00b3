"""Several generators in one worker: a process for each core, and one that prints their lines as one.

Python computes on one core a process. Each generator is a fork of this process, so that what is loaded is in memory
once, and takes its share as if it were a worker of its own.
"""

import ctypes
import gc
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from seatrial.load.assignment import Assignment
from seatrial.load.joint_line import joint_line
from seatrial.load.journal import write_all
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


class Cores:
    """Generates shares in a process each, until all have ended. To be used with ``with``.

    A signal to end is passed on. If a process ends before its last line the others are ended too, and no more lines are
    written: a result without it would be none.

    Args:
        shares: What each process does; all are of one worker.
        generate: Does it there.
    """

    def __init__(self, shares: Sequence[Assignment], generate: Generate) -> None:
        self._worker = shares[0].index
        self._generators: list[Generator] = []
        # What is there now stays: the collectors of all processes leave the pages that they share alone.
        gc.freeze()
        for share in shares:
            self._generators.append(_start(share, generate, [each.output for each in self._generators]))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Tells all processes to end."""
        for each in self._generators:
            if not each.ended:
                with suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGTERM)

    def follow(self, write: Callable[[str], object]) -> list[int]:
        """Reads the processes' lines and writes the joint ones, until all processes have ended.

        Args:
            write: Gets each line, without its end.

        Returns:
            The exit code of each process, negative for the signal that ended it.
        """
        whole, seq = True, 0
        with selectors.DefaultSelector() as selector:
            for each in self._generators:
                selector.register(each.output, selectors.EVENT_READ, each)
            while selector.get_map():
                for key, _ in selector.select():
                    if _read(key.data):
                        continue
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    if key.data.line is None or not key.data.line.last:
                        whole = False
                        self.stop()
                if whole and (lines := _next_lines(self._generators)):
                    write(joint_line(lines, self._worker, seq).to_text())
                    seq += 1
        return [os.waitstatus_to_exitcode(os.waitpid(each.pid, 0)[1]) for each in self._generators]


def _next_lines(generators: Sequence[Generator]) -> list[WorkerLine]:
    """The newest lines, once each process has written another one or its last."""
    lines = [each.line for each in generators if each.line is not None and (each.fresh or each.line.last)]
    if len(lines) < len(generators) or not any(each.fresh for each in generators):
        return []
    for each in generators:
        each.fresh = False
    return lines


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
