"""Load that observes pods, whole: with a metrics API and without one, and when the target is restarted at the end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.api.timestamp import stamp
from seatrial.engine import sampling
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.test_load_target import TARGET, allow, orders
from tests.engine.test_load_test import workers
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio

BELOW = [{"expr": "target.memory.max < 100 * 1024 * 1024"}, {"expr": "target.cpu.max < 0.5"}]
LAST = line(0, 30, final=True, measured=31.0)


def target(world: World, **status: Any) -> None:
    """A Service with one pod behind it."""
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
    world.server.put("services", service, "shop")
    one = {"name": "web", "restartCount": 0, "state": {"running": {}}, **status}
    body = {"metadata": {"name": "web-1", "labels": {"app": "web"}}, "spec": {}, "status": {"containerStatuses": [one]}}
    world.server.put("pods", body, "shop")


def metrics(world: World, cpu: str = "250m", memory: str = "64Mi", name: str = "web-1", app: str = "web") -> None:
    """The metrics API tells of a pod what it used a second ago."""
    world.server.metrics_api = True
    body = {
        "metadata": {"name": name, "labels": {"app": app}},
        "timestamp": stamp(datetime.now(UTC) - timedelta(seconds=1)),
        "containers": [{"name": "c", "usage": {"cpu": cpu, "memory": memory}}],
    }
    world.server.put("podmetrics", body, "shop")


def used(world: World) -> Any:
    return {one["name"]: one for one in world.status("loadtests")["result"]["resourceUse"]}


async def test_cpu_and_memory_are_in_status_report_and_thresholds(world: World) -> None:
    target(world)
    metrics(world)
    metrics(world, "10m", "8Mi", "db-1", "db")
    world.server.cluster.job = workers([LAST])
    world.load_test(thresholds=BELOW, observe=[{"name": "db", "selector": {"app": "db"}}])
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Passed", "ThresholdsMet")
    assert used(world)["target"] == {
        "name": "target",
        "pods": 1,
        "samples": 1,
        "cpuMax": 0.25,
        "cpuMean": 0.25,
        "memoryMax": 64 * 2**20,
        "memoryMean": 64 * 2**20,
        "restarts": 0,
        "oomKills": 0,
    }
    assert used(world)["db"]["memoryMax"] == 8 * 2**20
    assert used(world)["db"]["message"] == "there are no such pods"
    [body] = world.server.all("configmaps")
    use = json.loads(body["data"]["report.json"])["timelines"][0]["use"]
    assert {(one["name"], one["cpu"]) for one in use} == {("target", 0.25), ("db", 0.01)}


async def test_a_target_that_uses_too_much_fails(world: World) -> None:
    target(world)
    metrics(world, memory="200Mi")
    world.server.cluster.job = workers([LAST])
    world.load_test(thresholds=BELOW)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Failed", "ThresholdMissed")
    assert "target.memory.max = 209715200" in status["message"]


async def test_without_a_metrics_api_a_threshold_on_it_proves_nothing_and_says_why(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([LAST])
    world.load_test(thresholds=BELOW)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "NoData")
    assert "no metrics API (metrics.k8s.io)" in status["message"]


async def test_without_a_metrics_api_load_that_only_observes_passes_and_says_so(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([LAST])
    world.load_test(observe=[{"name": "target"}], thresholds=[{"expr": "target.restarts == 0"}])
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"
    assert "no metrics API" in used(world)["target"]["message"]


async def test_an_answer_that_makes_no_sense_is_said(world: World) -> None:
    target(world)
    metrics(world, memory="much")
    world.server.cluster.job = workers([LAST])
    world.load_test(thresholds=BELOW)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "NoData")
    assert "cannot be read" in status["message"]


async def test_load_that_observes_nothing_asks_for_nothing(world: World) -> None:
    target(world)
    world.server.faults = [Fault("GET", "metrics.k8s.io", status=500, times=100)]
    world.server.cluster.job = workers([LAST])
    world.load_test()
    status = await world.until_done("loadtests")
    assert "resourceUse" not in status["result"]
    assert world.server.faults[0].times == 100


async def test_a_restart_in_the_last_second_counts(world: World) -> None:
    target(world)
    world.server.hold_logs = True
    world.server.cluster.job = workers([line(0, measured=30.0)])
    world.load_test(thresholds=[{"expr": "target.restarts == 0"}])
    await world.until(lambda: used(world) if world.status("loadtests").get("result", {}).get("resourceUse") else None)
    await world.until(lambda: used(world)["target"].get("restarts") == 0)

    def restart(body: Object) -> None:
        ended = {"reason": "OOMKilled", "finishedAt": stamp(datetime.now(UTC))}
        body["status"]["containerStatuses"][0] |= {"restartCount": 1, "lastState": {"terminated": ended}}

    world.server.change("pods", "web-1", "shop", restart)
    name = world.server.all("jobs")[0]["metadata"]["name"]
    world.kill()
    world.server.logs[f"{name}-0"] = [LAST]
    world.start()
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Failed", "ThresholdMissed")
    assert (used(world)["target"]["restarts"], used(world)["target"]["oomKills"]) == (1, 1)


@pytest.mark.parametrize("what", ["/shop/pods$", "/services/web"])
async def test_pods_that_cannot_be_told_prove_nothing_and_keep_nobody_waiting(
    world: World, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LAST", 0.3)
    target(world)

    def script(server: ApiServer, body: Object) -> None:
        server.faults = [Fault("GET", what, status=403, times=1000)]
        workers([LAST])(server, body)

    world.server.cluster.job = script
    world.load_test(thresholds=[{"expr": "target.restarts == 0"}])
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "NoData")
    assert "cannot be listed" in status["message"]


async def test_a_service_without_selector_has_no_pods_to_look_at(world: World) -> None:
    world.server.put("services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}, "shop")
    world.server.cluster.job = workers([LAST])
    world.load_test(observe=[{"name": "target"}])
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"
    assert "has no selector" in used(world)["target"]["message"]


async def test_pods_of_another_namespace_are_not_looked_at(world: World) -> None:
    """Nor those of a Service of the same name in the own namespace taken for them."""
    target(world)
    allow(world)
    orders(world)
    here = {"metadata": {"name": "orders"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
    world.server.put("services", here, "shop")
    world.server.cluster.job = workers([LAST])
    world.load_test(observe=[{"name": "target"}], target=TARGET | {"port": "http"})
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"
    assert used(world)["target"]["pods"] == 0
    assert "in another namespace" in used(world)["target"]["message"]


async def test_load_of_a_step_observes_the_environment(world: World) -> None:
    world.server.metrics_api = True
    world.server.cluster.job = workers([LAST])
    load = {"target": {"service": "web"}, "profile": {"users": 1, "duration": "2s"}}
    world.scenario({"name": "peak", "load": load | {"observe": [{"name": "target"}]}})
    assert (await world.until_done())["verdict"] == "Passed"
    [use] = world.step("peak")["load"]["resourceUse"]
    assert (use["pods"], use["restarts"]) == (1, 0)
