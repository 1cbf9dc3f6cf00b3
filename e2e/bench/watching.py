"""When something happened to an object, as a watch that was opened before shows it."""

import asyncio
import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from e2e.bench.api import SELECTOR, Api
from seatrial.kube.client import Object
from seatrial.kube.resources import Resource

#: Seconds that a watch lasts: longer than any benchmark.
_SECONDS = 3600


#: Opens a watch of what came after a resource version.
Reopen = Callable[[str], AbstractAsyncContextManager[AsyncIterable[bytes]]]


@dataclass(frozen=True)
class Event:
    """One event of a watch.

    Attributes:
        at: When its bytes arrived, in seconds of :func:`time.perf_counter`.
        type: ``ADDED``, ``MODIFIED`` or ``DELETED``.
        kind: Kind of the object.
        body: The object.
    """

    at: float
    type: str
    kind: str
    body: Object

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        """UID of the object."""
        return str(self.body["metadata"]["uid"])

    def label(self, key: str) -> str:
        """Value of a label; empty if it has none."""
        return str(self.body["metadata"].get("labels", {}).get(key, ""))

    def condition(self, name: str) -> bool:
        """Whether a condition is true."""
        rows = (self.body.get("status") or {}).get("conditions") or []
        return any(row["type"] == name and row["status"] == "True" for row in rows)

    @property
    def ending(self) -> bool:
        """Whether its deletion has been asked for."""
        return self.type == "DELETED" or "deletionTimestamp" in self.body["metadata"]


class Watching:
    """Everything that the watches have shown so far.

    Attributes:
        events: In the order of their arrival.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    def read(self, kind: str, chunks: AsyncIterable[bytes], reopen: Reopen | None = None) -> None:
        """Starts to take in what a watch sends.

        Args:
            kind: Kind of its objects.
            chunks: What it sends.
            reopen: Goes on where the API server has ended it, as it does with a reader that is slow for a moment.
        """
        self._readers.append(asyncio.create_task(self._read(kind, chunks, reopen), name=f"watch of {kind}"))

    async def stop(self) -> None:
        """Takes in no more."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def first(self, what: str, holds: Callable[[Event], bool], *, since: int = 0, timeout: float = 60) -> Event:
        """Returns the first event of which something is true, waiting for it.

        Args:
            what: Says what is waited for.
            holds: What must be true.
            since: Index of the first event to look at.
            timeout: Seconds to wait at most.

        Raises:
            RuntimeError: It does not come, or a watch has ended.
        """
        position = since
        try:
            async with asyncio.timeout(timeout):
                while True:
                    while position < len(self.events):
                        if holds(self.events[position]):
                            return self.events[position]
                        position += 1
                    self._changed.clear()
                    for reader in self._readers:
                        if reader.done():
                            raise RuntimeError(f"the {reader.get_name()} has ended") from reader.exception()
                    await self._changed.wait()
        except TimeoutError as error:
            raise RuntimeError(f"not seen within {timeout:.0f} s: {what}") from error

    async def _read(self, kind: str, chunks: AsyncIterable[bytes], reopen: Reopen | None) -> None:
        try:
            version = await self._take_in(kind, chunks)
            while reopen and version:
                async with reopen(version) as more:
                    version = await self._take_in(kind, more) or version
        finally:
            self._changed.set()

    async def _take_in(self, kind: str, chunks: AsyncIterable[bytes]) -> str:
        """Returns the resource version of the last event, when there are no more."""
        rest, version = b"", ""
        async for chunk in chunks:
            at = time.perf_counter()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"the watch of {kind} ends: {event['object'].get('message')}")
                self.events.append(Event(at, event["type"], kind, event["object"]))
                version = str(event["object"]["metadata"].get("resourceVersion", ""))
            self._changed.set()
        return version


@asynccontextmanager
async def watching(api: Api, *resources: Resource) -> AsyncIterator[Watching]:
    """Watches all objects of some kinds that benchmarks or the operator have made."""
    query = {"watch": "true", "labelSelector": SELECTOR, "timeoutSeconds": str(_SECONDS)}
    async with AsyncExitStack() as stack:
        watch = Watching()
        stack.push_async_callback(watch.stop)
        for resource in resources:

            def reopen(version: str, path: str = resource.path()) -> AbstractAsyncContextManager[AsyncIterable[bytes]]:
                return _chunks(api, path, query | {"resourceVersion": version})

            content = await stack.enter_async_context(_chunks(api, resource.path(), query))
            watch.read(resource.kind, content, reopen)
        yield watch


@asynccontextmanager
async def _chunks(api: Api, path: str, query: dict[str, str]) -> AsyncIterator[AsyncIterable[bytes]]:
    async with api.stream(path, query, aiohttp.ClientTimeout(total=None, sock_connect=10)) as content:
        yield content.iter_any()
