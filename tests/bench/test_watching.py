import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from e2e.bench.watching import Watching


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def line(kind: str, name: str, **more: Any) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}, **more}}).encode() + b"\n"


class Stream:
    """Chunks as a connection hands them over; None ends it."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, chunk: bytes | None) -> None:
        self._chunks.put_nowait(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk


@pytest.mark.anyio
async def test_an_event_is_waited_for_and_has_the_time_of_its_arrival() -> None:
    watch, stream = Watching(), Stream()
    watch.read("Pod", stream)
    stream.send(line("ADDED", "a") + line("ADDED", "b")[:9])
    first = await watch.first("a", lambda event: event.name == "a")
    waiting = asyncio.create_task(watch.first("b", lambda event: event.name == "b"))
    await asyncio.sleep(0)
    stream.send(line("ADDED", "b")[9:])
    second = await waiting
    assert (second.type, second.kind) == ("ADDED", "Pod")
    assert second.at > first.at
    await watch.stop()


@pytest.mark.anyio
async def test_what_was_seen_before_does_not_count() -> None:
    watch, stream = Watching(), Stream()
    watch.read("Pod", stream)
    stream.send(line("ADDED", "a"))
    await watch.first("a", lambda event: event.name == "a")
    since = len(watch.events)
    stream.send(line("DELETED", "a"))
    assert (await watch.first("a again", lambda event: event.name == "a", since=since)).type == "DELETED"
    with pytest.raises(RuntimeError, match="not seen within 0 s: a third time"):
        await watch.first("a third time", lambda event: event.name == "a", since=len(watch.events), timeout=0)
    await watch.stop()


@pytest.mark.anyio
async def test_a_watch_that_ends_is_not_waited_for() -> None:
    watch, stream = Watching(), Stream()
    watch.read("Pod", stream)
    stream.send(None)
    with pytest.raises(RuntimeError, match="the watch of Pod has ended"):
        await watch.first("anything", lambda _: True)


@pytest.mark.anyio
async def test_conditions_and_deletion_are_read_from_the_object() -> None:
    watch, stream = Watching(), Stream()
    watch.read("Pod", stream)
    stream.send(line("MODIFIED", "a", status={"conditions": [{"type": "Ready", "status": "False"}]}))
    stream.send(line("MODIFIED", "a", status={"conditions": [{"type": "Ready", "status": "True"}]}))
    ready = await watch.first("a is Ready", lambda event: event.condition("Ready"))
    assert ready is watch.events[1]
    assert not ready.ending
    stream.send(b'{"type": "MODIFIED", "object": {"metadata": {"name": "a", "deletionTimestamp": "now"}}}\n')
    assert (await watch.first("a is ending", lambda event: event.ending)) is watch.events[2]
    await watch.stop()


@pytest.mark.anyio
async def test_a_watch_that_the_server_ends_goes_on_after_the_last_event() -> None:
    watch, first, second, asked = Watching(), Stream(), Stream(), []

    @asynccontextmanager
    async def reopen(version: str) -> AsyncIterator[AsyncIterable[bytes]]:
        asked.append(version)
        yield second

    watch.read("Pod", first, reopen)
    first.send(b'{"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "7"}}}\n')
    first.send(None)
    second.send(line("ADDED", "b"))
    await watch.first("b", lambda event: event.name == "b")
    assert asked == ["7"]
    second.send(b'{"type": "ERROR", "object": {"message": "too old resource version"}}\n')
    with pytest.raises(RuntimeError, match="the watch of Pod has ended"):
        await watch.first("c", lambda event: event.name == "c")
    await watch.stop()
