from collections.abc import AsyncIterator

import pytest

from tests.engine.api_server import serving
from tests.engine.world import World, serving_app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with serving() as (server, client, _), serving_app() as app:
        world = World(server, client, app)
        yield world
        await world.close()
