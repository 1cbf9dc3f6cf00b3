"""Who is logged in, in Redis: a key for each session, which goes away by itself."""

import secrets
from typing import cast

from redis.asyncio import Redis

from inventory.command import answer

LIFETIME_SECONDS = 3600


class Sessions:
    """The sessions of all replicas of the service."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, user: str) -> str:
        """Return the token of a new session."""
        token = secrets.token_urlsafe(16)
        await answer(self._redis, "SET", f"session:{token}", user, "EX", LIFETIME_SECONDS)
        return token

    async def user(self, token: str) -> str | None:
        """Return whose session it is, or None if there is none."""
        return cast("str | None", await answer(self._redis, "GET", f"session:{token}"))
