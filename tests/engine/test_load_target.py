"""Targets of load in other namespaces: only where the platform team allows them."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial.engine.settings import AllowedTarget
from tests.engine.api_server import Object
from tests.engine.test_load_test import workers
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio

TARGET = {"service": "orders", "namespace": "platform"}


def orders(world: World, **spec: Any) -> None:
    wanted = {"clusterIP": "10.0.0.7", "selector": {"app": "orders"}, "ports": [{"name": "http", "port": 8080}]} | spec
    world.server.put("services", {"metadata": {"name": "orders"}, "spec": wanted}, "platform")


def allow(world: World, namespace: str = "shop") -> None:
    world.kill()
    allowed = (AllowedTarget((namespace,), "platform", ("orders",)),)
    world.settings = replace(world.settings, allowed_targets=allowed)
    world.start()


def address(world: World) -> str:
    job: Object = world.server.all("jobs")[0]
    env = {entry["name"]: entry.get("value") for entry in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    return str(env["SEATRIAL_TARGET"])


async def test_an_allowed_service_of_another_namespace_is_a_target(world: World) -> None:
    allow(world)
    orders(world)
    world.server.cluster.job = workers([line(0)])
    world.load_test(target=TARGET | {"port": "http"})
    await world.until(lambda: world.status("loadtests").get("result", {}).get("requests") == 1)
    assert address(world) == "orders.platform:8080"
    assert {pod["metadata"]["namespace"] for pod in world.server.all("pods")} == {"shop"}
    world.kill()


async def test_its_own_namespace_may_be_written_out(world: World) -> None:
    world.server.put("services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}, "shop")
    world.server.cluster.job = workers([line(final=True)])
    world.load_test(target={"service": "web", "namespace": "shop"})
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"


@pytest.mark.parametrize(
    ("spec", "namespace", "reason", "said"),
    [
        ({}, "other", "TargetNotAllowed", "target.namespace: Service orders of namespace platform may not be used"),
        ({"type": "ExternalName"}, "shop", "TargetNotAllowed", "is an ExternalName, which could lead anywhere"),
        ({"selector": None}, "shop", "TargetNotAllowed", "has no selector"),
        ({"clusterIP": "None"}, "shop", "TargetNotAllowed", "is headless"),
        ({"ports": [{"name": "grpc", "port": 9}]}, "shop", "TargetPortNotFound", "has no port 'http'"),
        (None, "shop", "TargetNotFound", "there is no Service orders in namespace platform"),
    ],
)
async def test_one_that_may_not_be_used_or_is_not_there_is_an_error(
    world: World, spec: Object | None, namespace: str, reason: str, said: str
) -> None:
    allow(world, namespace)
    if spec is not None:
        orders(world, **spec)
    world.load_test(target=TARGET | {"port": "http"})
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Error", reason)
    assert said in status["message"]
    assert world.left() == []
    assert not [write for write in world.writes() if write.what == "jobs"]
