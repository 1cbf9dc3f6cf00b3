"""What exists is known before the first turn, and what goes before the watches begin is not taken to be there."""

import logging

import pytest
from prometheus_client import CollectorRegistry

from seatrial.api import names
from seatrial.engine.controller import Controller
from seatrial.engine.key import Key
from seatrial.engine.metrics import Metrics
from seatrial.engine.settings import Settings
from seatrial.handlers.census import Census
from seatrial.handlers.feed import Feed
from seatrial.kube.resources import PODS
from tests.engine.api_server import Fault, Object, serving

pytestmark = pytest.mark.anyio

KEY = Key("TestScenario", "shop", "checkout")
SCENARIO: Object = {"metadata": {"name": "checkout"}, "spec": {"steps": []}}


def pod(name: str) -> Object:
    return {"metadata": {"name": name, "labels": {names.OWNER_UID: "u", names.RUN: "1"}}}


async def test_all_pages_are_read_and_nothing_that_is_not_ours() -> None:
    async with serving() as (server, client, _):
        for number in range(7):
            server.put("pods", pod(f"pod-{number}"), "shop")
        server.put("pods", {"metadata": {"name": "theirs"}}, "shop")
        found = [body["metadata"]["name"] async for body in client.each(PODS, labels=names.OWNER_UID, page=3)]
        assert sorted(found) == [f"pod-{number}" for number in range(7)]


async def test_what_no_watch_has_shown_is_asked_for_and_forgotten_if_it_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with serving() as (server, client, _):
        controller = Controller(client, Settings(namespace="shop"), Metrics(CollectorRegistry()))
        server.put("testscenarios", SCENARIO, "shop")
        for name in ("shown", "unshown", "gone"):
            server.put("pods", pod(name), "shop")
        census = Census(client, Feed(controller))
        await census.take()
        assert controller.store.resource(KEY)
        assert len(controller.store.objects("u", "Pod")) == 3

        census.seen(server.get("pods", "shown", "shop") or {})
        server.delete("testscenarios", "checkout", "shop")
        server.delete("pods", "gone", "shop")
        server.faults.append(Fault("GET", "/pods/", 500))
        asked = len(server.requests)
        await census.confirm(after=0.01)
        assert controller.store.resource(KEY) is None
        assert {body["metadata"]["name"] for body in controller.store.objects("u", "Pod")} == {"shown", "unshown"}
        assert not any("pods/shown" in path for _, path in server.requests[asked:])
        assert "cannot be asked for" in caplog.text
        await controller.close()
