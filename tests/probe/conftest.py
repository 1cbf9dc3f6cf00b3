from collections.abc import AsyncIterator

import pytest

from seatrial.probe.exchange import Exchanger
from seatrial.sandbox.evaluator import Evaluator
from seatrial.sandbox.pool import Owner, Pool
from seatrial.sandbox.processes import Processes


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def exchanger() -> AsyncIterator[Exchanger]:
    exchanger = Exchanger()
    yield exchanger
    await exchanger.close()


@pytest.fixture
async def evaluator(processes: Processes) -> AsyncIterator[Evaluator]:
    pool = Pool(processes)
    yield Evaluator(pool, Owner("shop", "uid"))
    await pool.close()
