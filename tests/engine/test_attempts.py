"""Attempts, matrices, assertions and waiting, from a scenario to its verdict; and crashes in the middle of a retry."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from seatrial.api import names
from tests.engine.api_server import ApiServer, Object
from tests.engine.scenarios import GET, POST, never
from tests.engine.world import World
from tests.thoroughness import STRIDE

pytestmark = pytest.mark.anyio

QUICK: Object = {"retry": {"backoff": {"initial": "100ms", "max": "100ms"}}}
JOB: Object = {"name": "contract", "job": {"image": "contract:1", "env": [{"name": "R", "value": "${matrix.region}"}]}}


def failing(times: int) -> Any:
    """A service whose first answers to anything are wrong."""
    left = times

    async def answer(_request: web.Request) -> web.StreamResponse:
        nonlocal left
        left -= 1
        return web.json_response({"id": 7}, status=500 if left >= 0 else 200)

    return answer


async def test_a_request_that_succeeds_the_second_time_is_flaky(world: World) -> None:
    world.app.answer = failing(1)
    world.scenario(POST | QUICK | {"expect": ["response.status == 200"]})
    await world.until(lambda: world.step("order").get("reason") == "Backoff", "the pause between the attempts")
    assert world.step("order")["nextAttemptAt"]
    status = await world.until_done()
    assert (status["verdict"], status["flaky"]) == ("Passed", True)
    assert status["message"] == "1 of 1 steps succeeded; flaky: order needed 2 attempts"
    assert (world.step("order")["attempts"], world.step("order")["flaky"]) == (2, True)
    assert world.app.requests == ["POST /orders"] * 2


async def test_attempts_end_with_their_limit(world: World) -> None:
    world.app.answer = failing(9)
    world.scenario(GET | {"retry": QUICK["retry"] | {"limit": 1}})
    status = await world.until_done()
    assert (status["verdict"], "flaky" in status) == ("Failed", False)
    assert len(world.app.requests) == 2


async def test_each_attempt_of_a_job_is_a_job_of_its_own(world: World) -> None:
    jobs: list[Object] = []

    def job(server: ApiServer, body: Object) -> None:
        jobs.append(body)
        server.end_job(body, 0 if body["metadata"]["labels"][names.ATTEMPT] == "2" else 3)

    world.server.cluster.job = job
    world.scenario({"name": "contract", "job": {"image": "contract:1"}} | QUICK)
    status = await world.until_done()
    assert (status["verdict"], status["flaky"]) == ("Passed", True)
    made = [(body["metadata"]["name"], body["metadata"]["labels"][names.STEP]) for body in jobs]
    assert made == [("step-contract", "contract"), ("step-contract-a2", "contract")]


async def test_a_job_that_hangs_is_taken_away_before_its_next_attempt(world: World) -> None:
    alive: list[int] = []

    def job(server: ApiServer, body: Object) -> None:
        alive.append(len(server.all("jobs")))
        if body["metadata"]["name"].endswith("-a2"):
            server.end_job(body)
        else:
            server.put_pod(body, "hanging", {"state": {"running": {}}})

    world.server.cluster.job = job
    world.scenario({"name": "contract", "job": {"image": "contract:1"}, "timeout": "300ms"} | QUICK)
    status = await world.until_done()
    assert (status["verdict"], world.step("contract")["attempts"]) == ("Passed", 2)
    assert alive == [1, 1]
    assert ("delete", "jobs", "step-contract") in world.server.writes


async def test_a_matrix_gives_each_instance_its_values(world: World) -> None:
    jobs: list[Object] = []

    def job(server: ApiServer, body: Object) -> None:
        jobs.append(body)
        server.end_job(body)

    world.server.cluster.job = job
    axes = {"region": ["eu", "us"]}
    path = {"service": "web", "path": "/${matrix.region}"}
    world.scenario(
        GET | {"http": path, "matrix": axes, "expect": ["matrix.region != '' && response.status == 200"]},
        JOB | {"matrix": axes, "when": "matrix.region == 'us'", "needs": [{"step": "look"}]},
        maxParallel=1,
    )
    status = await world.until_done()
    assert (status["verdict"], status["message"]) == ("Passed", "3 of 3 steps succeeded; 1 skipped")
    assert world.app.requests == ["GET /eu", "GET /us"]
    assert [body["metadata"]["name"] for body in jobs] == ["step-contract-1"]
    assert jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "R", "value": "us"}]
    said = [(step["name"], step["instanceOf"], step["matrix"], step["state"]) for step in status["steps"]]
    assert said == [
        ("look-0", "look", {"region": "eu"}, "Succeeded"),
        ("look-1", "look", {"region": "us"}, "Succeeded"),
        ("contract-0", "contract", {"region": "eu"}, "Skipped"),
        ("contract-1", "contract", {"region": "us"}, "Succeeded"),
    ]


async def test_an_assertion_waits_for_what_services_answer_together(world: World) -> None:
    async def counting(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"seen": len(world.app.requests)})

    world.app.answer = counting
    reads = [{"name": name, "service": "web", "path": f"/{name}"} for name in ("one", "two")]
    agree = {"name": "agree", "assert": {"reads": reads}, "eventually": {"timeout": "5s"}}
    world.scenario(agree | {"expect": ["answers.one.json.seen + answers.two.json.seen > 5"]})
    assert (await world.until_done())["verdict"] == "Passed"
    assert sorted(set(world.app.requests)) == ["GET /one", "GET /two"]


async def test_an_assertion_that_was_cut_off_is_made_again(world: World) -> None:
    world.app.answer = never
    reads = [{"name": "one", "service": "web"}]
    world.scenario({"name": "agree", "assert": {"reads": reads}, "expect": ["answers.one.status == 200"]})
    await world.until(lambda: world.app.requests)
    world.kill()
    world.app.answer = failing(0)
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"


async def test_waiting_ends_with_a_condition_that_a_watch_tells_of(world: World) -> None:
    world.server.cluster.job = lambda server, body: None  # it does not end by itself
    wanted = {"kind": "Job", "name": "step-contract", "condition": "Complete"}
    world.scenario(
        {"name": "contract", "job": {"image": "contract:1"}},
        {"name": "wait", "wait": {"for": wanted}},
        {"name": "pause", "wait": {"duration": "50ms"}, "needs": [{"step": "wait"}]},
    )
    await world.until(lambda: world.step("wait").get("message") == "Job step-contract is not Complete yet")
    asked = len([path for method, path in world.server.requests if method == "GET"])
    world.server.end_job(world.server.all("jobs")[0])
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert world.step("wait")["reason"] == "ConditionMet"
    assert len([path for method, path in world.server.requests if method == "GET"]) == asked


async def test_an_optional_step_does_not_change_the_verdict(world: World) -> None:
    missing = {"name": "nice", "optional": True, "http": {"service": "web"}, "expect": ["response.status == 418"]}
    world.scenario(GET, missing)
    status = await world.until_done()
    assert (status["verdict"], status["progress"]) == ("Passed", "1/1")
    assert (world.step("nice")["state"], world.step("nice")["optional"]) == ("Failed", True)


# ---------------------------------------------------------------------- crashes and SIGTERM


async def test_a_restart_at_any_write_of_a_retry_comes_to_the_same_verdict_and_objects(world: World) -> None:
    """Kill the operator after its n-th write, for every n of a run whose Job needs a second attempt."""

    def job(server: ApiServer, body: Object) -> None:
        server.end_job(body, 0 if body["metadata"]["labels"][names.ATTEMPT] == "2" else 3)

    def apply() -> None:
        world.scenario({"name": "contract", "job": {"image": "contract:1"}} | QUICK, GET | QUICK)

    def over() -> bool:
        return world.status().get("phase") == "Done" and not world.finalizers()

    world.server.cluster.job = job
    apply()
    await world.until_done()
    plain = {(write.what, write.name) for write in world.writes("events") if write.verb == "create"}
    total = len(world.writes())
    for cut in range(1, total, STRIDE):
        world.server.delete("testscenarios", "checkout", "shop")
        await world.until(lambda: not world.controller._sessions)
        world.server.writes.clear()
        apply()
        # Progress is written by the clock, so one run may have fewer writes than another.
        await world.until(lambda cut=cut: len(world.server.writes) >= cut or over())  # type: ignore[misc]  # the default binds it now
        world.kill()
        await asyncio.sleep(0.005)
        world.start()
        status = await world.until_done()
        assert (status["verdict"], status["flaky"]) == ("Passed", True), (cut, status)
        assert world.step("contract")["attempts"] == 2
        made = [(write.what, write.name) for write in world.server.writes if write.verb == "create"]
        jobs = [name for what, name in made if what == "jobs"]
        assert set(jobs) == {"step-contract", "step-contract-a2"}, cut  # adopted where it was made before
        assert {what for what, _ in made} - {"events"} == {what for what, _ in plain}
        assert world.left() == []


async def test_a_post_that_was_cut_off_is_sent_again_only_by_its_retry(world: World) -> None:
    world.app.answer = never
    world.scenario(POST | QUICK)
    await world.until(lambda: world.app.requests)
    world.kill()
    world.app.answer = failing(0)
    world.start()
    status = await world.until_done()
    assert (status["verdict"], status["flaky"]) == ("Passed", True)
    assert world.app.requests == ["POST /orders"] * 2


async def test_on_sigterm_a_second_attempt_that_may_not_be_sent_twice_is_left_to_the_next_operator(
    world: World,
) -> None:
    world.app.answer = failing(1)
    world.scenario(POST | {"retry": {"backoff": {"initial": "300ms", "max": "300ms"}}})
    await world.until(lambda: world.step("order").get("reason") == "Backoff")
    world.controller._closing = True  # between the signal and the end of its turns
    await asyncio.sleep(0.5)
    assert world.app.requests == ["POST /orders"]
    assert (world.step("order")["state"], world.step("order")["attempts"]) == ("Pending", 1)
    world.kill()
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"
    assert world.app.requests == ["POST /orders"] * 2
