"""Commands of Redis, by name."""

from typing import Any, cast

from redis.asyncio import Redis


async def answer(redis: Redis, *command: str | int) -> Any:
    """Return what Redis answers. The command gives that its type, which the client cannot know."""
    answered = redis.execute_command(*command)  # type: ignore[no-untyped-call]  # it does not even type its arguments
    return await cast("Any", answered)
