"""Many objects at once, created and taken away a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

#: Calls under way at a time: enough to keep the API server busy, few enough for it to answer each at once.
WIDTH = 32


async def for_each(
    things: Iterable[Thing], work: Callable[[Thing], Awaitable[Result]], width: int = WIDTH
) -> list[Result]:
    """Does something with each thing, some at a time, and returns what comes of it, in the same order."""
    free = asyncio.Semaphore(width)

    async def limited(thing: Thing) -> Result:
        async with free:
            return await work(thing)

    return await asyncio.gather(*(limited(thing) for thing in things))
