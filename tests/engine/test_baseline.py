"""Load tests that are compared with an earlier run, whole, through the reports that runs leave."""

from typing import Any

import pytest

from seatrial.engine import baseline
from tests.engine.api_server import Fault, Object
from tests.engine.test_load_test import target, workers
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio

SPEC: dict[str, Any] = {"profile": {"users": 1, "duration": "20s"}, "baseline": {"maxRegression": "25%"}}


def log(microseconds: int) -> list[str]:
    """The lines of a load of twenty seconds with answers in that time."""
    return [
        line(0, second, values=(microseconds,) * 9 * (second + 1), final=second == 19, measured=second + 1.01)
        for second in range(20)
    ]


async def run(world: World, microseconds: int, number: int) -> Any:
    """Runs the load test for that time. Returns its status."""
    world.server.cluster.job = workers(log(microseconds))
    if number == 1:
        target(world)
        world.load_test(**SPEC)
    else:
        world.server.change("loadtests", "peak", "shop", lambda body: body["spec"].update(run=str(number)))
    await world.until(lambda: world.status("loadtests").get("run", {}).get("id") == str(number))
    return await world.until_done("loadtests")


async def test_a_run_that_is_slower_than_the_last_that_passed_fails(world: World) -> None:
    first = await run(world, 10_000, 1)
    assert first["verdict"] == "Passed"
    assert "no earlier run" in first["message"]
    second = await run(world, 20_000, 2)
    assert (second["verdict"], second["reason"]) == ("Failed", "Regressed")
    assert "was 10" in second["message"]
    assert second["baseline"]["report"] == first["report"]["configMaps"]
    third = await run(world, 10_000, 3)
    assert third["verdict"] == "Passed"
    assert third["baseline"]["run"] == "1"
    fourth = await run(world, 10_000, 4)
    assert fourth["baseline"]["run"] == "3"


async def test_an_operator_that_is_restarted_finds_the_other_run_again(world: World) -> None:
    await run(world, 10_000, 1)
    world.kill()
    world.start()
    assert (await run(world, 20_000, 2))["reason"] == "Regressed"


async def test_a_bad_moment_of_the_api_server_is_got_over(world: World) -> None:
    await run(world, 10_000, 1)
    world.server.faults = [Fault("GET", "/configmaps/", status=503)]
    assert (await run(world, 20_000, 2))["reason"] == "Regressed"


async def test_a_report_that_cannot_be_read_is_no_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "PATIENCE", 0.1)
    await run(world, 10_000, 1)
    world.server.faults = [Fault("GET", "/configmaps/", status=503, times=100)]
    status = await run(world, 10_000, 2)
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "BaselineUnreadable")


@pytest.mark.parametrize("data", [{}, {"report.json": "{"}, {"report.json": '{"format": 7}'}])
async def test_a_report_that_somebody_has_damaged_is_no_pass(world: World, data: Object) -> None:
    first = await run(world, 10_000, 1)
    [name] = first["report"]["configMaps"]
    world.server.change("configmaps", name, "shop", lambda body: body.update(data=data))
    status = await run(world, 10_000, 2)
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "BaselineUnreadable")


async def test_whoever_deletes_the_report_begins_anew(world: World) -> None:
    first = await run(world, 10_000, 1)
    [name] = first["report"]["configMaps"]
    world.server.delete("configmaps", name, "shop")
    status = await run(world, 20_000, 2)
    assert status["verdict"] == "Passed"
    assert "has no report any more" in status["baseline"]["message"]


async def test_a_config_map_of_somebody_else_is_no_report(world: World) -> None:
    first = await run(world, 10_000, 1)
    [name] = first["report"]["configMaps"]
    world.server.change("configmaps", name, "shop", lambda body: body["metadata"].update(labels={}))
    assert "is no report of this resource" in (await run(world, 20_000, 2))["baseline"]["message"]
