import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.handlers import heartbeat as module
from seatrial.handlers.heartbeat import LEASE, PATIENCE, Heartbeat
from seatrial.kube.client import Client
from tests.engine.api_server import ApiServer, Fault, serving

pytestmark = pytest.mark.anyio


class Beating:
    """A heartbeat whose clock a test turns."""

    def __init__(self, server: ApiServer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.now = 1000.0
        self.heart = Heartbeat(client, "shop")
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(module, "INTERVAL", 0.01)

    @property
    def lease(self) -> dict[str, Any]:
        return self.server.get("leases", LEASE, "shop") or {}

    async def beat(self) -> None:
        await self.heart._renew()

    def hear(self, **more: Any) -> None:
        self.heart.seen(self.lease | more)

    def later(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
async def beating(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Beating]:
    async with serving() as (server, client, _):
        yield Beating(server, client, monkeypatch)


async def test_the_lease_is_made_and_then_renewed(beating: Beating) -> None:
    await beating.beat()
    first = beating.lease["spec"]["renewTime"]
    assert first.endswith("Z")
    assert beating.lease["apiVersion"] == "coordination.k8s.io/v1"
    beating.hear()
    await beating.beat()
    assert beating.lease["spec"]["renewTime"] > first
    assert [write.verb for write in beating.server.writes] == ["patch", "create", "patch"][
        -len(beating.server.writes) :
    ]


async def test_an_operator_that_hears_its_heart_is_alive(beating: Beating) -> None:
    assert beating.heart.alive
    for _ in range(5):
        await beating.beat()
        beating.later(30)
        assert beating.heart.deaf_for() == 30
        beating.hear()
        assert beating.heart.deaf_for() == 0
    assert beating.heart.alive


async def test_deaf_watches_are_not_alive(beating: Beating) -> None:
    await beating.beat()
    beating.hear()
    old = beating.lease
    await beating.beat()
    for _ in range(3):
        beating.later(30)
        assert beating.heart.alive
        await beating.beat()
        beating.heart.seen(old)  # what was known before proves nothing
    beating.later(PATIENCE - 90)
    assert not beating.heart.alive
    assert beating.heart.deaf_for() == PATIENCE
    beating.hear()
    assert beating.heart.alive


async def test_watches_that_lag_are_not_deaf(beating: Beating) -> None:
    """Each renewal is heard, but only after the next one has been written."""
    await beating.beat()
    for _ in range(10):
        late = beating.lease
        beating.later(30)
        await beating.beat()
        beating.heart.seen(late)
    assert beating.heart.alive


@pytest.mark.parametrize("status", [0, 500])
async def test_an_api_server_that_cannot_be_reached_is_not_held_against_the_watches(
    beating: Beating, status: int
) -> None:
    await beating.beat()
    # It goes away before the renewal could come back.
    beating.server.faults = [Fault("PATCH", "/leases/", status=status, times=100)]
    task = asyncio.create_task(beating.heart.run())
    for _ in range(5):
        hits = beating.server.faults[0].hits
        beating.later(60)
        while beating.server.faults[0].hits < hits + 2:
            assert not task.done()
            await asyncio.sleep(0.005)
    assert beating.heart.alive
    beating.server.faults = []
    task.cancel()


async def test_a_lease_that_could_not_be_made_is_not_waited_for(beating: Beating) -> None:
    beating.server.faults = [Fault("POST", "/leases", status=403, times=100)]
    task = asyncio.create_task(beating.heart.run())
    for wanted in (2, 4):  # the server counts a request before its answer has arrived: one more tells that it has
        while beating.server.faults[0].hits < wanted:
            await asyncio.sleep(0.005)
        beating.later(1000 if wanted == 2 else 0)
    assert beating.heart.alive
    task.cancel()


async def test_leases_of_others_prove_nothing(beating: Beating) -> None:
    await beating.beat()
    beating.later(PATIENCE)
    beating.hear(metadata={"name": LEASE, "namespace": "elsewhere"})
    assert not beating.heart.alive
    beating.hear(spec={})
    beating.hear(spec=None)
    assert not beating.heart.alive
