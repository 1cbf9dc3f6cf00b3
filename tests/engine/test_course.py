"""The course of a load in the report of a whole run, with and without a restart in the middle."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from seatrial.engine import follow
from tests.engine.api_server import Fault
from tests.engine.test_load_test import target, workers
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio


def log(*counts: int, worker: int = 0) -> list[str]:
    """A worker's lines, with the number of answers up to each second."""
    last = len(counts) - 1
    return [
        line(worker, second, values=(1000,) * count, final=second == last, measured=second + 1.01)
        for second, count in enumerate(counts)
    ]


def requests(world: World) -> Sequence[int]:
    [body] = world.server.all("configmaps")
    timelines: Any = json.loads(body["data"]["report.json"])["timelines"]
    return [window["requests"] for window in timelines[0]["windows"]]


async def test_it_is_the_sum_over_workers_second_by_second(world: World) -> None:
    target(world)
    world.server.cluster.job = workers(log(1, 3, 6), log(10, 30, 60, worker=1))
    world.load_test(workers=2, profile={"users": 2, "duration": "3s"})
    await world.until_done("loadtests")
    assert requests(world) == [11, 22, 33]


async def test_a_restart_in_the_middle_reads_it_again(world: World) -> None:
    target(world)
    whole = log(1, 3, 6, 10)
    world.server.hold_logs = True
    world.server.cluster.job = workers(whole[:2])
    world.load_test(profile={"users": 1, "duration": "4s"})
    await world.until(lambda: world.status("loadtests").get("result", {}).get("requests") == 3)
    world.kill()
    name = world.server.all("jobs")[0]["metadata"]["name"]
    world.server.logs[f"{name}-0"] = list(whole)
    world.start()
    await world.until_done("loadtests")
    assert requests(world) == [1, 2, 3, 4]
    lines = [query["tailLines"] for _, query in world.server.log_queries if query.get("follow") == "true"]
    assert set(lines) == {"1200"}


async def test_lines_that_are_gone_cost_resolution_and_no_counts(world: World) -> None:
    target(world)
    world.server.cluster.job = workers(log(1, 3, 6, 10)[2:])
    world.load_test(profile={"users": 1, "duration": "4s"})
    await world.until_done("loadtests")
    assert requests(world) == [6, 4]


async def test_a_step_has_one_for_each_attempt(world: World) -> None:
    world.server.cluster.job = workers(log(1, 3))
    load = {"target": {"service": "web"}, "profile": {"users": 1, "duration": "2s"}}
    world.scenario({"name": "peak", "load": load})
    await world.until_done()
    assert requests(world) == [1, 2]


async def test_an_operator_killed_before_the_report_leaves_the_course_to_the_next(
    world: World,
) -> None:
    target(world)
    whole = log(1, 3, 6, 10)
    world.server.faults = [Fault("POST", "/configmaps", status=503, times=1000)]
    world.server.cluster.job = workers(whole)
    world.load_test(profile={"users": 1, "duration": "4s"})
    await world.until(lambda: world.status("loadtests").get("verdict"))
    world.kill()
    await asyncio.sleep(0.1)  # what was under way arrives while it is still refused
    world.server.faults = []
    name = world.server.all("jobs")[0]["metadata"]["name"]
    world.server.logs[f"{name}-0"] = list(whole)
    ended = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    world.server.change("pods", f"{name}-0", "shop", lambda body: body["status"].update(containerStatuses=[ended]))
    world.start()
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["result"]["requests"]) == ("Passed", 10)
    assert requests(world) == [1, 2, 3, 4]


async def test_a_course_that_cannot_be_read_any_more_holds_nothing_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PATIENCE", 0.3)
    target(world)
    world.server.faults = [Fault("POST", "/configmaps", status=503, times=1000)]
    world.server.cluster.job = workers(log(1, 3))
    world.load_test(profile={"users": 1, "duration": "2s"})
    await world.until(lambda: world.status("loadtests").get("verdict"))
    world.kill()
    await asyncio.sleep(0.1)  # what was under way arrives while it is still refused
    world.server.faults = [Fault("GET", "/log", status=500, times=1000)]
    name = world.server.all("jobs")[0]["metadata"]["name"]
    ended = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    world.server.change("pods", f"{name}-0", "shop", lambda body: body["status"].update(containerStatuses=[ended]))
    world.start()
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"
    assert requests(world) == [3]
