"""Stock in Redis: a hash with the counts of each SKU, and one with the quantity that each order holds."""

from dataclasses import dataclass

from redis.asyncio import Redis

from inventory.command import answer

# Redis runs a script as one step, so two orders can never share the last piece.
# An order that asks again gets the same answer: the caller may repeat a request whose answer was lost.
RESERVE = """
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then
  return held == ARGV[2] and 1 or 0
end
local available = tonumber(redis.call('HGET', KEYS[1], 'available') or '0')
if available < tonumber(ARGV[2]) then
  return 0
end
redis.call('HINCRBY', KEYS[1], 'available', -ARGV[2])
redis.call('HINCRBY', KEYS[1], 'reserved', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
"""


@dataclass(frozen=True)
class Level:
    """Pieces of a SKU: free to be sold, and held by orders. A SKU never stocked has none of either."""

    sku: str
    available: int
    reserved: int


class Stock:
    """The stock of all SKUs, shared by every replica of the service."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reserve = redis.register_script(RESERVE)

    async def ping(self) -> None:
        """Raise ``redis.RedisError`` unless Redis answers."""
        await answer(self._redis, "PING")

    async def level(self, sku: str, *, order: str | None = None) -> Level:
        """Return the counts of a SKU; with an order, ``reserved`` is what that order alone holds."""
        available, reserved = await answer(self._redis, "HMGET", _counts(sku), "available", "reserved")
        if order is not None:
            reserved = await answer(self._redis, "HGET", _reservations(sku), order)
        return Level(sku, available=int(available or 0), reserved=int(reserved or 0))

    async def set_available(self, sku: str, available: int) -> None:
        """Set what is free to be sold; reservations stay."""
        await answer(self._redis, "HSET", _counts(sku), "available", available)

    async def reserve(self, sku: str, *, order: str, quantity: int) -> bool:
        """Hold a quantity for an order; false if there is not enough, or it holds another quantity."""
        keys = [_counts(sku), _reservations(sku)]
        return bool(await self._reserve(keys=keys, args=[order, quantity]))


def _counts(sku: str) -> str:
    return f"stock:{sku}"


def _reservations(sku: str) -> str:
    return f"reservations:{sku}"
