"""A load tool as child processes: started, read, and ended with all that they have started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

#: Seconds for which a tool that is told to stop may go on.
STOP_SECONDS = 2.0
#: Seconds that the last samples are given to come once the tool has ended, and a killed process to be gone.
_DRAIN_SECONDS = 5.0
#: Seconds that pipes of ended processes are given to end.
_CLOSE_SECONDS = 1.0
#: Bytes that are read at a time: what is made of them holds the loop up for a few milliseconds.
_CHUNK = 1 << 16
#: Longest line of a tool's words; what is beyond it is left out.
_LINE_BYTES = 8192


class ToolError(RuntimeError):
    """A tool cannot be started."""


@dataclass(frozen=True)
class Reading:
    """Who reads what a tool writes.

    Attributes:
        samples: Gets pieces of its samples, which may end anywhere.
        words: Gets each line that it prints.
    """

    samples: Callable[[bytes], None]
    words: Callable[[str], None]


class Tool:
    """Processes that write samples into one pipe, and words to their standard output and error."""

    def __init__(self) -> None:
        self._processes: list[asyncio.subprocess.Process] = []
        self._readers: list[asyncio.Task[None]] = []
        self._pipe: asyncio.ReadTransport | None = None

    @classmethod
    async def start(
        cls,
        commands: Callable[[int], Sequence[Sequence[str]]],
        environment: Callable[[int], Mapping[str, str]],
        reading: Reading,
    ) -> "Tool":
        """Starts the processes.

        Args:
            commands: Makes their command lines, given the descriptor that samples are to be written to.
            environment: Makes their environment, given the same.
            reading: Gets what they write.

        Raises:
            ToolError: A program is not there.
        """
        tool = cls()
        source, sink = os.pipe()
        try:
            stream, tool._pipe = await _connected(source)
            tool._readers.append(asyncio.create_task(_pieces(stream, reading.samples)))
            for command in commands(sink):
                await tool._add(command, environment(sink), sink, reading.words)
        except BaseException:
            await tool.close()
            raise
        finally:
            os.close(sink)
        return tool

    async def _add(
        self, command: Sequence[str], environment: Mapping[str, str], sink: int, words: Callable[[str], None]
    ) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(sink,),
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{command[0]} cannot be started: {error.strerror or error}") from error
        self._processes.append(process)
        assert process.stdout is not None  # noqa: S101 - it was asked for
        self._readers.append(asyncio.create_task(_lines(process.stdout, words)))

    @property
    def pids(self) -> list[int]:
        """Ids of its processes."""
        return [process.pid for process in self._processes]

    @property
    def ended(self) -> bool:
        """Whether all of them have ended."""
        return all(process.returncode is not None for process in self._processes)

    @property
    def codes(self) -> list[int]:
        """Exit codes of those that have ended, in the order in which they were started."""
        return [process.returncode for process in self._processes if process.returncode is not None]

    @property
    def failure(self) -> BaseException | None:
        """What went wrong with reading, if something did."""
        done = [reader for reader in self._readers if reader.done() and not reader.cancelled()]
        return next((error for error in (reader.exception() for reader in done) if error), None)

    async def drain(self) -> None:
        """Waits for the last of what ended processes have written, but not for ever: others may have the pipe too."""
        await asyncio.wait(self._readers, timeout=_DRAIN_SECONDS)

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Asks the processes to stop, and ends those that do not, with all that they have started.

        Args:
            seconds: How long they may take.
        """
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, _DRAIN_SECONDS)):
            for pid in self.pids:
                # Each has a group of its own, which may outlive it.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    for process in self._processes:
                        await process.wait()

    async def close(self) -> None:
        """Ends what is left, and stops reading."""
        await self.stop(0 if self.ended else STOP_SECONDS)
        # Their pipes end with them, unless what they have started has left their group.
        if self._readers:
            await asyncio.wait(self._readers, timeout=_CLOSE_SECONDS)
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._pipe is not None:
            self._pipe.close()
            await asyncio.sleep(0)  # it closes in the next turn of the loop


async def _connected(source: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader(limit=_CHUNK)
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(source, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return reader, transport


async def _pieces(stream: asyncio.StreamReader, take: Callable[[bytes], None]) -> None:
    while piece := await stream.read(_CHUNK):
        take(piece)
        # What has been buffered is there at once, and others want to run too.
        await asyncio.sleep(0)


async def _lines(stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    rest = b""
    while piece := await stream.read(_CHUNK):
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[:_LINE_BYTES]
        for line in lines:
            take(line[:_LINE_BYTES].decode(errors="replace"))
        await asyncio.sleep(0)
    if rest:
        take(rest.decode(errors="replace"))
