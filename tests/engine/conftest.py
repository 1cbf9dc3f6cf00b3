from collections.abc import AsyncIterator

import pytest

from seatrial.engine import activities, loop, record
from seatrial.sandbox.processes import Processes
from tests.engine.api_server import serving
from tests.engine.world import World, serving_app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, processes: Processes) -> AsyncIterator[World]:
    # What a person would not notice adds up over all tests.
    monkeypatch.setattr(loop, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(activities, "LINE_DELAY", 0.02)
    monkeypatch.setattr(record, "PROGRESS_INTERVAL", 0.1)
    async with serving() as (server, client, _), serving_app() as app:
        world = World(server, client, app, processes)
        yield world
        await world.close()
