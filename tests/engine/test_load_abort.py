"""A threshold that ends the load: its workers are stopped, and the verdict says when and why."""

import pytest

from tests.engine.test_load_test import target, workers
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio

SLOW = [{"expr": "latency.max < duration('2ms')", "abortOnFail": True}]


async def test_crossing_a_threshold_stops_every_worker(world: World) -> None:
    target(world)
    slow = line(1, 1, values=(5000,), measured=12.0)
    world.server.hold_logs = True
    world.server.cluster.job = workers([line(0, 1, measured=12.3)], [slow])
    world.load_test(workers=2, profile={"users": 2, "duration": "1h"}, thresholds=SLOW)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Failed", "ThresholdMissed")
    assert status["message"] == "aborted at 12s: latency.max < duration('2ms') is false: latency.max = 5.003ms"
    assert status["result"]["abortedAt"] == 12.0
    assert status["result"]["thresholds"][0]["crossedAt"] == 12.0
    assert status["result"]["requests"] == 2
    assert world.left() == []


async def test_a_restart_after_the_crossing_changes_nothing(world: World) -> None:
    target(world)
    world.server.hold_logs = True
    world.server.cluster.job = workers([line(0, 1, values=(5000,), measured=12.0)])
    world.load_test(profile={"users": 1, "duration": "1h"}, thresholds=SLOW)
    await world.until(lambda: world.status("loadtests").get("result", {}).get("abortedAt"))
    world.kill()
    world.start()
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["message"][:15]) == ("Failed", "aborted at 12s:")
    assert status["result"]["abortedAt"] == 12.0
    assert world.left() == []


async def test_load_as_a_step_of_a_scenario_is_ended_too(world: World) -> None:
    world.server.hold_logs = True
    world.server.cluster.job = workers([line(0, 1, values=(5000,), measured=12.0)])
    load = {"target": {"service": "web"}, "profile": {"users": 1, "duration": "1h"}, "thresholds": SLOW}
    world.scenario({"name": "peak", "load": load})
    status = await world.until_done()
    assert status["verdict"] == "Failed"
    assert world.step("peak")["message"].startswith("aborted at 12s: ")
    assert world.left() == []
