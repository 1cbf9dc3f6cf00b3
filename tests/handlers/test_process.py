"""The operator's process: it starts only where it can work, and stops when it is told to."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from seatrial.engine.settings import Settings
from tests.engine.api_server import ApiServer, Fault, kubeconfig, serving
from tests.engine.world import serving_app, until

pytestmark = [pytest.mark.anyio, pytest.mark.heavy]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with serving() as (server, _, url):
        kubeconfig(tmp_path, url)
        yield server


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "KUBERNETES_SERVICE_HOST"}
    environment |= {
        "KUBECONFIG": str(folder / "kubeconfig"),
        "SEATRIAL_NAMESPACE": "shop",
        "SEATRIAL_HEALTH_PORT": "0",
        "SEATRIAL_METRICS_PORT": "0",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "seatrial", "operator"], env=environment, stderr=subprocess.PIPE, text=True
    )


async def ended(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, str]]]:
    """Waits for the end. Returns the exit code and the log."""
    await until(lambda: process.poll() is not None)
    assert process.stderr
    with process.stderr as log:
        lines = [json.loads(line) for line in log if line.startswith("{")]
    return process.returncode, lines


async def test_it_works_and_on_sigterm_takes_the_answer_of_a_request_under_way(
    server: ApiServer, tmp_path: Path
) -> None:
    async def slow(_request: web.Request) -> web.StreamResponse:
        # kopf alone would give it five seconds.
        await asyncio.sleep(6)
        return web.Response()

    def stored() -> Any:
        return server.all("testscenarios")[0].get("status") or {}

    async with serving_app() as app:
        app.answer = slow
        process = start(tmp_path)
        try:
            await until(lambda: server.all("leases"))
            service = {"name": "web", "image": "web:1", "ports": [{"name": "http", "port": app.port}]}
            spec = {
                "environment": {"services": [service]},
                "steps": [{"name": "order", "http": {"service": "web", "method": "POST"}}],
            }
            server.put("testscenarios", {"metadata": {"name": "checkout"}, "spec": spec}, "shop")
            await until(lambda: app.requests, stored)
        finally:
            process.send_signal(signal.SIGTERM)
        code, log = await ended(process)
    assert stored()["steps"][0]["state"] == "Succeeded"
    assert code == 0
    assert not [line for line in log if line.get("severity") in {"error", "critical"}]


async def test_it_says_which_crd_is_missing(server: ApiServer, tmp_path: Path) -> None:
    server.faults = [Fault("GET", "/loadtests", status=404, reason="NotFound", times=99)]
    code, log = await ended(start(tmp_path))
    assert code == 1
    assert log[-1]["message"] == (
        "the CRD loadtests.seatrial.dev is not installed: install the chart with crds.enabled=true"
    )


async def test_it_says_that_there_is_no_cluster(tmp_path: Path) -> None:
    code, log = await ended(start(tmp_path))
    assert code == 1
    assert log[-1]["message"].startswith("cannot tell which cluster to use")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SEATRIAL_"):
            monkeypatch.delenv(name)
    assert Settings.from_environment() == Settings()
    monkeypatch.setenv("SEATRIAL_NAMESPACE", "ns")
    monkeypatch.setenv("SEATRIAL_WORKER_IMAGE", "image:2")
    monkeypatch.setenv("SEATRIAL_HEALTH_PORT", "1")
    monkeypatch.setenv("SEATRIAL_METRICS_PORT", "2")
    monkeypatch.setenv("SEATRIAL_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("SEATRIAL_COPYING", "false")
    given = Settings.from_environment()
    assert given.copying is False
    assert (given.namespace, given.worker_image, given.log_level) == ("ns", "image:2", "DEBUG")
    assert (given.health_port, given.metrics_port) == (1, 2)


async def test_a_setting_that_cannot_be_read_is_named(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_ALLOWED_TARGETS", "{")
    code, lines = await ended(start(tmp_path))
    assert code == 1
    assert "SEATRIAL_ALLOWED_TARGETS" in lines[-1]["message"]
    assert "expected" in lines[-1]["message"]
