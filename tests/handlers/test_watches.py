"""kopf for real, against an API server over HTTP: what it watches reaches the controller."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import kopf
import pytest
from prometheus_client import CollectorRegistry

from seatrial.api import names
from seatrial.engine.controller import Controller
from seatrial.engine.key import Key
from seatrial.engine.metrics import Metrics
from seatrial.engine.settings import Settings
from seatrial.handlers.census import Census
from seatrial.handlers.feed import Feed
from seatrial.handlers.heartbeat import LEASE, Heartbeat
from seatrial.handlers.watches import configure, register
from tests.engine.api_server import ApiServer, Object, serving
from tests.engine.world import App, serving_app, until

pytestmark = pytest.mark.anyio

KEY = Key("TestScenario", "shop", "checkout")


class Operator:
    """An operator in its process, less the process."""

    def __init__(self, server: ApiServer, controller: Controller, heart: Heartbeat, app: App) -> None:
        self.server, self.controller, self.heart, self.app = server, controller, heart, app

    def status(self) -> Object:
        return (self.server.get("testscenarios", "checkout", "shop") or {}).get("status") or {}


@asynccontextmanager
async def operating(*before: tuple[str, Object, str]) -> AsyncIterator[Operator]:
    """Runs kopf until the test is over.

    Args:
        before: Objects that are there when it starts: plural, body, namespace.
    """
    async with serving() as (server, client, url), serving_app() as app:
        for plural, body, namespace in before:
            server.put(plural, body, namespace)
        registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
        configure(settings)

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(server=url)

        controller = Controller(client, Settings(namespace="shop", sweep_after=0.05), Metrics(CollectorRegistry()))
        heart = Heartbeat(client, "shop")
        feed = Feed(controller)
        census = Census(client, feed)
        register(registry, feed, census, heart)
        await census.take()
        running = asyncio.create_task(
            kopf.operator(registry=registry, settings=settings, standalone=True, clusterwide=True)
        )
        try:
            await heart._renew()
            await until(lambda: heart.heard.is_set() or running.done())
            yield Operator(server, controller, heart, app)
        finally:
            # Not by its stop flag: kopf would wait for every task of the loop, those of the servers here included.
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await controller.close()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("kopf", "kopf.activities.authentication", "kopf._core"):
        caplog.set_level(logging.WARNING, name)


def scenario(app: App, **spec: object) -> Object:
    service = {"name": "web", "image": "web:1", "ports": [{"name": "http", "port": app.port}], "ready": {"tcp": {}}}
    return {
        "metadata": {"name": "checkout"},
        "spec": {
            "environment": {"services": [service]},
            "steps": [{"name": "look", "http": {"service": "web"}}],
        }
        | spec,
    }


async def test_a_scenario_runs_from_watch_to_verdict_and_is_forgotten_when_it_is_gone() -> None:
    async with operating() as operator:
        operator.server.put("testscenarios", scenario(operator.app), "shop")
        await until(lambda: operator.status().get("phase") == "Done")
        assert operator.status()["verdict"] == "Passed"
        # Nothing but what Seatrial itself writes: kopf puts no annotation and no finalizer of its own.
        stored = operator.server.get("testscenarios", "checkout", "shop") or {}
        await until(
            lambda: not (operator.server.get("testscenarios", "checkout", "shop") or {})["metadata"]["finalizers"]
        )
        assert "annotations" not in stored["metadata"]
        operator.server.delete("testscenarios", "checkout", "shop")
        await until(lambda: operator.controller.store.resource(KEY) is None)
        await until(lambda: not operator.controller._sessions)


async def test_an_invalid_spec_is_reported_through_the_watch_of_load_tests() -> None:
    async with operating() as operator:
        body: Object = {"metadata": {"name": "peak"}, "spec": {"target": {"service": "web"}, "profile": {}}}
        operator.server.put("loadtests", body, "shop")
        await until(lambda: (operator.server.all("loadtests")[0].get("status") or {}).get("reason") == "InvalidSpec")


async def test_everything_that_is_there_is_known_before_the_first_turn() -> None:
    """A child that was only not read yet must not be taken for missing."""
    pods = [
        (
            "pods",
            {"metadata": {"name": f"pod-{number}", "labels": {names.OWNER_UID: "u", names.RUN: "1"}}},
            "shop",
        )
        for number in range(20)
    ]
    foreign = ("pods", {"metadata": {"name": "foreign"}}, "shop")
    async with operating(*pods, foreign) as operator:
        assert len(operator.controller.store.objects("u", "Pod")) == 20
        operator.server.delete("pods", "pod-3", "shop")
        await until(lambda: len(operator.controller.store.objects("u", "Pod")) == 19)
        # Watches ask for our objects only; those of others never reach the process.
        watched = [path for method, path in operator.server.requests if method == "GET" and path == "/api/v1/pods"]
        assert watched


async def test_a_child_wakes_its_owner() -> None:
    async with operating() as operator:
        turns = operator.controller._loop.turns
        annotations = {names.OWNER: str(KEY)}
        body = {"metadata": {"name": "p", "labels": {names.OWNER_UID: "u"}, "annotations": annotations}}
        operator.server.put("pods", body, "shop")
        await until(lambda: operator.controller._loop.turns > turns)
        # One whose annotation somebody has overwritten wakes nobody.
        turns = operator.controller._loop.turns
        body = {"metadata": {"name": "q", "labels": {names.OWNER_UID: "u"}, "annotations": {names.OWNER: "?"}}}
        operator.server.put("pods", body, "shop")
        await until(lambda: len(operator.controller.store.objects("u", "Pod")) == 2)
        assert operator.controller._loop.turns == turns


async def test_what_an_earlier_operator_left_behind_is_swept_up() -> None:
    name = names.environment_namespace("gone", "u", "1")
    annotations = names.owner("TestScenario", "shop", "gone") | {names.RUN_SPEC: "{}"}
    orphan: Object = {"metadata": {"name": name, "labels": names.labels("u", "1"), "annotations": annotations}}
    beside: Object = {"metadata": {"name": "web", "labels": names.labels("u", "1", service="web")}}
    beside["metadata"]["annotations"] = annotations
    theirs: Object = {"metadata": {"name": "production", "labels": names.labels("u", "1")}}
    before = (("namespaces", orphan, ""), ("services", beside, "shop"), ("namespaces", theirs, ""))
    async with operating(*before) as operator:
        await until(lambda: not operator.server.get("namespaces", name))
        await until(lambda: not operator.server.get("services", "web", "shop"))
        assert operator.server.get("namespaces", "production")


def test_kopf_does_nothing_of_its_own_and_waits_for_nothing_without_end() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    assert settings.posting.enabled is False
    assert settings.scanning.disabled is True
    assert settings.networking.request_timeout
    assert settings.networking.connect_timeout
    assert settings.watching.server_timeout
    assert settings.watching.client_timeout
    assert settings.watching.client_timeout > settings.watching.server_timeout
    for plural in ("pods", "services", "namespaces"):
        assert settings.watching.label_selectors["", plural] == names.OWNER_UID
    assert settings.watching.field_selectors["coordination.k8s.io", "leases"] == f"metadata.name={LEASE}"
    assert settings.persistence.finalizer.startswith("seatrial.dev/")
