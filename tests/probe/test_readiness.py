import asyncio
import socket
import time
from typing import Any

import pytest

from seatrial.api.readiness import Readiness
from seatrial.probe import readiness as module
from seatrial.probe.address import Address
from seatrial.probe.exchange import Exchanger
from seatrial.probe.readiness import keep_probing
from seatrial.sandbox.evaluator import Evaluator
from tests.probe.server import Connection, closed_port, serving

pytestmark = pytest.mark.anyio


class Reports(list[tuple[int, str]]):
    def __call__(self, successes: int, failure: str) -> None:
        self.append((successes, failure))


def ready(threshold: int = 1, interval: str = "0s", **probe: Any) -> Readiness:
    probe = probe or {"http": {"path": "/healthz"}}
    return Readiness.model_validate({"successThreshold": threshold, "interval": interval, **probe})


async def test_successes_must_come_in_a_row(exchanger: Exchanger, evaluator: Evaluator) -> None:
    statuses = [503, 200, 200, 500, 204, 302, 399]

    async def script(connection: Connection) -> None:
        await connection.answer(statuses[connection.number])

    reports = Reports()
    async with serving(script) as service:
        await keep_probing(exchanger, service.address, ready(3), evaluator, reports)
    assert [successes for successes, _ in reports] == [0, 1, 2, 0, 1, 2, 3]
    assert reports[0] == (0, "GET /healthz answered 503")
    assert reports[3] == (0, "GET /healthz answered 500")
    assert service.connections[0].line == "GET /healthz HTTP/1.1"


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (399, True), (400, False), (199, False)])
async def test_what_counts_as_an_answer(exchanger: Exchanger, evaluator: Evaluator, status: int, healthy: bool) -> None:
    async def script(connection: Connection) -> None:
        if status == 199 and connection.number == 0:
            return  # closes without an answer
        await connection.answer(status if connection.number == 0 else 200)

    reports = Reports()
    async with serving(script) as service:
        await keep_probing(exchanger, service.address, ready(), evaluator, reports)
    assert (reports[0][0] == 1) is healthy


async def test_a_service_that_does_not_answer_says_why(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def script(connection: Connection) -> None:
        if connection.number == 0:
            await asyncio.sleep(30)
        await connection.answer()

    reports = Reports()
    async with serving(script) as service:
        await keep_probing(
            exchanger, service.address, ready(http={"path": "/"}, probeTimeout="50ms"), evaluator, reports
        )
    assert reports == [(0, "no answer within 0.05s"), (1, "")]


async def test_a_tcp_probe_needs_only_a_connection(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def script(_connection: Connection) -> None:
        raise AssertionError("a TCP probe sends nothing")

    reports = Reports()
    async with serving(script) as service:
        await keep_probing(exchanger, service.address, ready(2, tcp={}), evaluator, reports)
    assert reports == [(1, ""), (2, "")]
    assert service.connections == []


async def test_a_tcp_probe_of_a_closed_port_says_why(exchanger: Exchanger, evaluator: Evaluator) -> None:
    address = closed_port()
    reports = Reports()
    task = asyncio.create_task(keep_probing(exchanger, address, ready(tcp={}), evaluator, reports))
    while len(reports) < 2:
        await asyncio.sleep(0.005)
    assert reports[0] == (0, "no connection: Connection refused")
    server = await asyncio.start_server(lambda _, writer: writer.close(), address.ip, address.port)
    async with server:
        await task
    assert reports[-1] == (1, "")


async def test_a_tcp_probe_that_hangs_is_bounded(exchanger: Exchanger, evaluator: Evaluator) -> None:
    reports = Reports()
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    # One connection fills a backlog of none; whoever comes next is left hanging.
    with full, socket.create_connection(full.getsockname()):
        address = Address("web", *full.getsockname())
        task = asyncio.create_task(
            keep_probing(exchanger, address, ready(tcp={}, probeTimeout="50ms"), evaluator, reports)
        )
        while not reports:
            await asyncio.sleep(0.005)
        task.cancel()
    assert reports[0] == (0, "no connection within 0.05s")


async def test_pauses_grow_to_the_interval(exchanger: Exchanger, evaluator: Evaluator) -> None:
    times: list[float] = []

    async def script(connection: Connection) -> None:
        times.append(time.monotonic())
        await connection.answer(200 if connection.number == 4 else 503)

    async with serving(script) as service:
        await keep_probing(exchanger, service.address, ready(interval="0.08s"), evaluator, Reports())
    # 50, 63, 78 and 80 ms at the least; a busy machine makes them longer, nothing makes them shorter.
    assert times[-1] - times[0] >= 0.27


async def test_the_first_probes_are_given_less_time_so_that_one_that_is_lost_holds_up_little(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_TIMEOUT", 0.05)

    async def script(connection: Connection) -> None:
        if connection.number < 4:
            await asyncio.sleep(30)
        await connection.answer()

    reports = Reports()
    async with serving(script) as service:
        await keep_probing(
            exchanger, service.address, ready(http={"path": "/"}, probeTimeout="150ms"), evaluator, reports
        )
    assert [failure for _, failure in reports] == [
        "no answer within 0.05s", "no answer within 0.1s", "no answer within 0.15s", "no answer within 0.15s", ""
    ]  # fmt: skip


async def test_an_interval_of_nothing_does_not_flood_the_service(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.probe.pause.LEAST", 0.1)
    began = time.monotonic()

    async def script(connection: Connection) -> None:
        await connection.answer(200 if connection.number == 3 else 503)

    async with serving(script) as service:
        await keep_probing(exchanger, service.address, ready(), evaluator, Reports())
    assert time.monotonic() - began >= 0.3


async def test_cancelling_ends_the_probing(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def script(connection: Connection) -> None:
        await connection.answer(503)

    reports = Reports()
    async with serving(script) as service:
        task = asyncio.create_task(keep_probing(exchanger, service.address, ready(), evaluator, reports))
        while not reports:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        told = len(reports)
        await asyncio.sleep(0.12)
    assert len(reports) == told
