"""Tools are real processes: read to their end, and ended with all that they have started."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from seatrial.load.cpu import spent_by
from seatrial.load.tool import Reading, Tool, ToolError


class Heard:
    """What a tool wrote."""

    def __init__(self) -> None:
        self.samples = b""
        self.words: list[str] = []

    def take(self, data: bytes) -> None:
        self.samples += data

    def fail(self, data: bytes) -> None:
        raise ValueError(f"no sample: {data!r}")


def run(script: str, then: Callable[[Tool], Awaitable[Any]], *, broken: bool = False) -> tuple[Tool, Heard]:
    """Starts a shell script, whose samples go to the descriptor in $1, and ends it whatever happens."""
    heard = Heard()

    async def course() -> Tool:
        reading = Reading(heard.fail if broken else heard.take, heard.words.append)
        tool = await Tool.start(
            lambda sink: [["bash", "-c", script, "tool", str(sink)]], lambda sink: {"SINK": str(sink)}, reading
        )
        try:
            await asyncio.wait_for(then(tool), 20)
        finally:
            await tool.close()
        return tool

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(course()), heard


async def ended(tool: Tool) -> None:
    while not tool.ended:
        await asyncio.sleep(0.01)
    await tool.drain()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may not have been collected yet."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_samples_and_words_are_read_to_their_end() -> None:
    script = "for n in {1..20000}; do echo sample $n; done >&$1; echo one; printf two >&2; exit 7"
    tool, heard = run(script, ended)
    assert tool.codes == [7]
    assert heard.samples.count(b"\n") == 20_000
    assert heard.samples.endswith(b"sample 20000\n")
    assert sorted(heard.words) == ["one", "two"]


def test_a_line_without_end_is_kept_in_part() -> None:
    _, heard = run("head -c 300000 /dev/zero | tr '\\0' x; echo; echo done", ended)
    assert len(heard.words) == 2
    assert len(heard.words[0]) <= 8192 + 65_536
    assert heard.words[1] == "done"


def test_what_does_not_stop_is_ended_with_all_that_it_has_started() -> None:
    script = "trap '' TERM; sleep 61 & echo $!; wait; sleep 62"
    pids: list[int] = []

    async def stop(tool: Tool) -> None:
        while not heard_pid():
            await asyncio.sleep(0.01)
        pids.extend([*tool.pids, heard_pid()])
        begun = time.monotonic()
        await tool.stop(0.3)
        assert 0.3 <= time.monotonic() - begun < 3

    words: list[str] = []

    def heard_pid() -> int:
        return int(words[0]) if words else 0

    async def course() -> Tool:
        tool = await Tool.start(lambda _: [["bash", "-c", script]], lambda _: {}, Reading(lambda _: None, words.append))
        try:
            await stop(tool)
        finally:
            await tool.close()
        return tool

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tool = runner.run(course())
    assert tool.codes == [-9]
    assert not any(alive(pid) for pid in pids)


def test_one_that_stops_when_asked_is_not_killed() -> None:
    async def stop(tool: Tool) -> None:
        await asyncio.sleep(0.3)
        await tool.stop(5)

    tool, _ = run("trap 'exit 5' TERM; while true; do sleep 0.05; done", stop)
    assert tool.codes == [5]


def test_what_cannot_be_read_is_told() -> None:
    async def until_failure(tool: Tool) -> None:
        while tool.failure is None:
            await asyncio.sleep(0.01)
        assert str(tool.failure) == "no sample: b'x\\n'"

    run("echo x >&$1; sleep 60", until_failure, broken=True)


def test_a_program_that_is_not_there_is_told() -> None:
    async def course() -> None:
        await Tool.start(lambda _: [["/nowhere/k6"]], lambda _: {}, Reading(lambda _: None, lambda _: None))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, pytest.raises(ToolError, match="/nowhere/k6"):
        runner.run(course())


def test_the_cpu_of_processes_is_seen_and_that_of_ended_ones_is_not() -> None:
    seen: list[int] = []

    async def look(tool: Tool) -> None:
        await asyncio.sleep(0.7)
        seen.append(spent_by(tool.pids))

    tool, _ = run("while true; do :; done", look)
    assert seen[0] > 50_000_000
    assert spent_by(tool.pids) == 0
