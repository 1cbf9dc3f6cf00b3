"""Liveness and readiness over HTTP, and the metrics."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from seatrial.engine.metrics import Metrics
from seatrial.engine.settings import Settings
from seatrial.handlers.heartbeat import Heartbeat


class Health:
    """Answers ``/livez`` and ``/readyz`` on one port and ``/metrics`` on another.

    Args:
        settings: Which ports.
        heartbeat: Tells whether the watches live, and have read everything that exists.
        metrics: What is counted.
    """

    def __init__(self, settings: Settings, heartbeat: Heartbeat, metrics: Metrics) -> None:
        self._settings = settings
        self._heartbeat = heartbeat
        self._metrics = metrics
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Starts to answer."""
        health = web.Application()
        health.router.add_get("/livez", self._livez)
        health.router.add_get("/readyz", self._readyz)
        metrics = web.Application()
        metrics.router.add_get("/metrics", self._metrics_page)
        for app, port in ((health, self._settings.health_port), (metrics, self._settings.metrics_port)):
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, port=port).start()
            self._runners.append(runner)

    async def stop(self) -> None:
        """Stops answering."""
        for runner in self._runners:
            await runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        if self._heartbeat.alive:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"the watches have been deaf for {self._heartbeat.deaf_for():.0f} s\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self._heartbeat.heard.is_set():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="still reading what exists\n")

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        page = generate_latest(self._metrics.registry)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})
