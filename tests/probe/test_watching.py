"""Probing goes on after a service was found healthy, seldom enough not to be its load."""

import asyncio
import time

import pytest

from seatrial.api.readiness import Readiness
from seatrial.probe import readiness as module
from seatrial.probe.exchange import Exchanger
from seatrial.probe.readiness import keep_watching, probe_once
from seatrial.sandbox.evaluator import Evaluator
from tests.probe.server import Connection, closed_port, serving

pytestmark = pytest.mark.anyio


class Reports(list[tuple[int, int, str]]):
    def __call__(self, successes: int, failures: int, failure: str) -> None:
        self.append((successes, failures, failure))

    async def until(self, count: int) -> None:
        while len(self) < count:
            await asyncio.sleep(0.005)


async def test_successes_and_failures_in_a_row_are_told(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_PAUSE", 0.01)
    statuses = [200, 200, 503, 500, 200, 404]

    async def script(connection: Connection) -> None:
        await connection.answer(statuses[min(connection.number, 5)])

    reports = Reports()
    async with serving(script) as service:
        ready = Readiness.model_validate({"http": {}, "interval": "0s"})
        task = asyncio.create_task(keep_watching(exchanger, service.address, ready, evaluator, reports))
        await reports.until(6)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert reports[:6] == [
        (1, 0, ""),
        (2, 0, ""),
        (0, 1, "GET / answered 503"),
        (0, 2, "GET / answered 500"),
        (1, 0, "GET / answered 500"),
        (0, 1, "GET / answered 404"),
    ]


async def test_no_interval_makes_it_quicker_than_the_least_pause(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.WATCH_PAUSE == 2.0
    monkeypatch.setattr(module, "WATCH_PAUSE", 0.1)
    reports, began = Reports(), time.monotonic()

    async def script(connection: Connection) -> None:
        await connection.answer()

    async with serving(script) as service:
        ready = Readiness.model_validate({"tcp": {}, "interval": "1ms"})
        task = asyncio.create_task(keep_watching(exchanger, service.address, ready, evaluator, reports))
        await reports.until(3)
        task.cancel()
    assert time.monotonic() - began >= 0.3


async def test_every_kind_of_probe_is_used(exchanger: Exchanger, evaluator: Evaluator) -> None:
    address = closed_port()
    said = {
        kind: await probe_once(exchanger, address, Readiness.model_validate({kind: {}}), 5, evaluator)
        for kind in ("http", "tcp", "grpc")
    }
    assert said["http"].startswith("GET /: ")
    assert said["tcp"] == "no connection: Connection refused"
    assert said["grpc"].startswith("gRPC health: ")
    assert await probe_once(exchanger, address, Readiness.model_validate({"command": ["true"]}), 5, evaluator) == ""
