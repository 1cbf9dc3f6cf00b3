"""Cutting kopf's watches as an API server does that has forgotten the past: 410, and everything is listed anew."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from kopf._cogs.clients import api

_open: set[asyncio.Future[None]] = set()
_stream = api.stream


def know_watches() -> None:
    """Takes note of every watch that is opened from now on. kopf has no place of its own to do so."""
    api.stream = _cuttable


def cut_watches() -> None:
    """Cuts all watches that are open."""
    for watch in _open:
        watch.set_result(None)
    _open.clear()


async def _cuttable(*args: Any, **how: Any) -> AsyncGenerator[Any]:
    """Yields what a watch shows until it is cut."""
    cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    _open.add(cut)
    events: AsyncGenerator[Any] = _stream(*args, **how)  # type: ignore[assignment] # kopf promises less than it gives
    try:
        while True:
            coming = asyncio.ensure_future(anext(events, None))
            try:
                await asyncio.wait({coming, cut}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.wait({coming})
            if cut.done():
                yield {"type": "ERROR", "object": {"code": 410}}
                return
            if coming.result() is None:
                return
            yield coming.result()
    finally:
        _open.discard(cut)
        await events.aclose()
