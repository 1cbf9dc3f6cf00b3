"""Runs a script's tool and prints the same lines as for requests of our own."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Protocol

from seatrial.api.redaction import Redaction
from seatrial.load.cpu import Cpu, spent_by
from seatrial.load.ending import Ending, EndingKind
from seatrial.load.journal import Journal
from seatrial.load.samples import Samples
from seatrial.load.script import ScriptShare, hidden_values, located, script_environment
from seatrial.load.tally import Tally
from seatrial.load.tool import Reading, Tool, ToolError

_LINE_INTERVAL = 1_000_000_000
_TICK_SECONDS = 0.02
#: Seconds that a tool is given for its first request, and for ending after the time that it was given: k6 lets the
#: iterations that are under way then go on for up to 30.
_FIRST_SECONDS, _LAST_SECONDS = 120.0, 45.0
#: Characters of a tool's message that are kept.
_MESSAGE = 400


class ScriptInvalid(RuntimeError):
    """A script did not come to its first request; the message is the tool's."""


class ScriptError(RuntimeError):
    """A script did not come to a good end; the message is the tool's."""


class Engine(Protocol):
    """What is particular to one tool."""

    def commands(self, path: str, sink: int) -> Sequence[Sequence[str]]:
        """Returns the command lines, of which all must end well.

        Args:
            path: The script's file.
            sink: Descriptor that samples are to be written to.
        """

    def environment(self, sink: int) -> dict[str, str]:
        """Returns environment variables for the tool, given the same descriptor."""

    def feed(self, data: bytes) -> None:
        """Reads a piece of the samples.

        Raises:
            RowsError: They are none.
        """

    def take(self, line: str) -> None:
        """Reads a line that the tool prints."""

    def ending(self, codes: Sequence[int]) -> Ending:
        """Says what its exit codes mean."""

    def busiest(self, pids: Sequence[int]) -> Sequence[int]:
        """Of which processes the use of the CPU counts."""

    @property
    def cores(self) -> float:
        """Cores that it can use."""


@dataclass
class Trial:
    """The load as a journal tells of it.

    Attributes:
        tally: What has been counted.
        begin: Start of the first request, on the monotonic clock in nanoseconds.
        end: End of the load, likewise.
        over: End of what is measured, which is earlier if the script ends before its time.
    """

    tally: Tally
    begin: int
    end: int
    over: int = field(init=False)
    in_flight: int = field(default=0, init=False)
    in_flight_max: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.over = self.end

    @property
    def bytes_sent(self) -> int:
        """Bytes of requests, as far as the tool tells."""
        return self.tally.bytes_besides


class Scripted:
    """One worker's script, from its start to its last line.

    Args:
        share: What to do.
        engine: The tool.
        samples: What the engine counts into.
        write: Gets each line, without its end; must return at once.
        environment: The worker's own environment.
    """

    def __init__(
        self,
        share: ScriptShare,
        engine: Engine,
        samples: Samples,
        write: Callable[[str], object],
        environment: Mapping[str, str],
    ) -> None:
        self._environment = environment
        self._share = share
        self._engine = engine
        self._samples = samples
        self._write = write
        self._trial: Trial | None = None
        self._journal: Journal | None = None
        self._next_line = 0
        self._started = 0
        # With stages a worker has nothing to do until there are as many users as workers.
        self._first_by = _FIRST_SECONDS + share.spec.profile.reached(share.spec.workers).total_seconds()
        self._spent = 0

    async def run(self, stop: asyncio.Event) -> bool:
        """Runs the script.

        Args:
            stop: Set it to end early.

        Returns:
            Whether it came to its end; False if it was stopped.

        Raises:
            AssignmentError: There is no script.
            ScriptInvalid: It did not come to its first request.
            ScriptError: It did not come to a good end.
        """
        self._started = monotonic_ns()
        with tempfile.TemporaryDirectory(prefix="seatrial-") as folder:
            return await self._run(str(located(self._share, Path(folder))), stop)

    async def _run(self, path: str, stop: asyncio.Event) -> bool:
        ours, engine = script_environment(self._share, self._environment), self._engine
        reading = Reading(engine.feed, engine.take)
        try:
            tool = await Tool.start(
                lambda sink: engine.commands(path, sink), lambda sink: {**ours, **engine.environment(sink)}, reading
            )
        except ToolError as error:
            raise ScriptInvalid(str(error)) from error
        try:
            while not (tool.ended or stop.is_set() or tool.failure):
                await self._turn(tool, stop)
            if not tool.failure and not tool.ended:
                await tool.stop()
            await tool.drain()
            if tool.failure:
                raise ScriptError(self._shown(str(tool.failure))) from tool.failure
            return await self._last(tool, stopped=stop.is_set())
        finally:
            await tool.close()

    async def _turn(self, tool: Tool, stop: asyncio.Event) -> None:
        late = await _tick(stop)
        now = monotonic_ns()
        if self._journal is None and self._samples.begin is not None:
            self._begin(tool, self._samples.begin)
        if self._journal is None:
            if now - self._started > self._first_by * 1e9:
                raise ScriptInvalid(f"no request in the first {self._first_by:g} s")
            return
        assert self._trial is not None  # noqa: S101 - set with the journal
        self._journal.loop_lag = max(self._journal.loop_lag, late)
        if now >= self._next_line:
            self._write((await self._journal.line()).to_text())
            self._next_line += _LINE_INTERVAL
        if now > self._trial.begin + self._share.end + _LAST_SECONDS * 1e9:
            raise ScriptError(f"it was still going on {_LAST_SECONDS:g} s after the end of profile.duration")

    def _begin(self, tool: Tool, begin: int) -> None:
        pids = list(tool.pids)
        self._trial = Trial(self._samples.tally, begin, begin + self._share.end)
        self._journal = Journal(
            self._share.index,
            self._trial,
            begin + self._share.warmup,
            machine=Cpu(most=self._engine.cores),
            spent=lambda: self._spent_by(self._engine.busiest(pids)),
            # Its first request says little of that: stages, or the script, may have it come when they like.
            began=self._started,
        )
        self._next_line = begin + _LINE_INTERVAL

    def _spent_by(self, pids: Sequence[int]) -> int:
        """CPU time of processes in nanoseconds; of ended ones what it was last."""
        self._spent = max(self._spent, spent_by(pids))
        return self._spent

    async def _last(self, tool: Tool, *, stopped: bool) -> bool:
        """Prints the last line, if the end of the tool allows for one."""
        samples = self._samples
        ending = self._engine.ending(tool.codes)
        message = self._shown(ending.message)
        if samples.begin is None:
            if stopped:
                return False
            why = message or samples.exception or "it ended without a request over HTTP"
            raise ScriptInvalid(self._shown(why))
        if ending.kind is EndingKind.ERROR and not stopped:
            raise ScriptError(message)
        if self._journal is None:
            self._begin(tool, samples.begin)
        assert self._journal is not None  # noqa: S101 - just set
        assert self._trial is not None  # noqa: S101 - set with it
        # A script may end before its time, and then no load was measured after its last request.
        self._trial.over = min(self._trial.end, max(samples.last, samples.begin + self._share.warmup))
        line = await self._journal.line("interrupted" if stopped else "final")
        complaint = message if ending.kind is EndingKind.COMPLAINT and not stopped else ""
        exception = self._shown(samples.exception)
        more = {"complaint": complaint, "exceptions": samples.exceptions, "exception": exception}
        self._write(line.model_copy(update=more).to_text())
        return not stopped

    def _shown(self, message: str) -> str:
        """A message without secrets, on one line, and not too long."""
        clean = Redaction(hidden_values(self._share, self._environment))(message)
        return " ".join(clean.split())[:_MESSAGE]


async def _tick(stop: asyncio.Event) -> int:
    """Waits for a tick; returns by how many nanoseconds it came late."""
    expected = monotonic_ns() + int(_TICK_SECONDS * 1e9)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _TICK_SECONDS)
    return max(monotonic_ns() - expected, 0)
