from collections.abc import AsyncIterator

import pytest

from seatrial.sandbox.pool import Pool
from seatrial.sandbox.processes import Processes


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def pool(processes: Processes) -> AsyncIterator[Pool]:
    pool = Pool(processes)
    yield pool
    await pool.close()
