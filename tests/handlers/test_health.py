import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client import CollectorRegistry

from seatrial.engine.metrics import Metrics
from seatrial.engine.settings import Settings
from seatrial.handlers import heartbeat as module
from seatrial.handlers.health import Health
from seatrial.handlers.heartbeat import Heartbeat
from tests.engine.api_server import ApiServer, serving

pytestmark = pytest.mark.anyio


def port_of(health: Health, number: int) -> int:
    """Any free port was asked for, and IPv6 may have got another one than IPv4."""
    return next(int(address[1]) for address in health._runners[number].addresses if len(address) == 2)


class Answering:
    """The health and metrics endpoints of an operator."""

    def __init__(self, server: ApiServer, health: Health, heart: Heartbeat, metrics: Metrics) -> None:
        self.server, self.health, self.heart, self.metrics = server, health, heart, metrics

    async def get(self, path: str) -> httpx.Response:
        port = port_of(self.health, 1 if path == "/metrics" else 0)
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{port}{path}")


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    async with serving() as (server, client, _):
        heart, metrics = Heartbeat(client, "shop"), Metrics(CollectorRegistry())
        health = Health(Settings(health_port=0, metrics_port=0), heart, metrics)
        await health.start()
        yield Answering(server, health, heart, metrics)
        await health.stop()


async def test_readiness_comes_when_everything_has_been_read(answering: Answering) -> None:
    early = await answering.get("/readyz")
    assert (early.status_code, early.text) == (503, "still reading what exists\n")
    await answering.heart._renew()
    assert (await answering.get("/readyz")).status_code == 503
    answering.heart.seen(answering.server.all("leases")[0])
    assert (await answering.get("/readyz")).status_code == 200


async def test_liveness_goes_when_the_watches_are_deaf(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await answering.get("/livez")).status_code == 200
    await answering.heart._renew()
    now = time.monotonic()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now + 101))
    late = await answering.get("/livez")
    assert late.status_code == 503
    assert late.text == "the watches have been deaf for 101 s\n"


async def test_metrics_have_their_own_port(answering: Answering) -> None:
    answering.metrics.count_writes({("POST", "jobs"): 3})
    with answering.metrics.turn("LoadTest"):
        pass
    page = await answering.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert 'seatrial_turn_seconds_count{kind="LoadTest"} 1.0' in page.text
    assert 'seatrial_api_writes_total{resource="jobs",verb="POST"} 3.0' in page.text


async def test_stopping_stops_answering(answering: Answering) -> None:
    port = port_of(answering.health, 0)
    await answering.health.stop()
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/livez")
