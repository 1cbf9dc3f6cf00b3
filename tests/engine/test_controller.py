"""Whole runs: a controller, an API server over HTTP, and a service that answers."""

import asyncio

import pytest
from aiohttp import web

from seatrial.api import names
from seatrial.engine import record
from seatrial.engine.key import Key
from tests.engine.api_server import ApiServer, Object
from tests.engine.scenarios import GET, POST, broken, conditions, never
from tests.engine.world import World

pytestmark = pytest.mark.anyio


async def test_a_run_goes_from_nothing_to_a_verdict_to_nothing(world: World) -> None:
    world.scenario(GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"], status["progress"]) == ("Passed", "AllStepsSucceeded", "1/1")
    assert world.app.requests == ["GET /orders"]
    assert conditions(status) == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Queued": "False",
        "EnvironmentReady": "True",
        "Complete": "True",
        "Succeeded": "True",
        "TornDown": "True",
    }
    assert world.left() == []
    assert len([fault for fault in world.server.all("events") if fault["reason"] == "AllStepsSucceeded"]) == 1


async def test_writes_of_a_short_scenario(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PROGRESS_INTERVAL", 60.0)  # longer than any machine takes
    world.scenario(GET)
    await world.until_done()
    # Namespace, three guards, Service, Deployment are made; the Deployment and the namespace are taken away. The report
    # is written at the verdict, and again when all is gone.
    made = [write for write in world.writes("events") if write.verb == "create"]
    deleted = [write for write in world.writes("events") if write.verb == "delete"]
    own = [write for write in world.writes("events") if write.verb == "patch"]
    assert sorted(write.what for write in made) == [
        "configmaps",
        "deployments",
        "limitranges",
        "namespaces",
        "networkpolicies",
        "resourcequotas",
        "services",
    ]
    assert sorted(write.what for write in deleted) == ["deployments", "namespaces"]
    assert {write.what for write in own} == {"testscenarios", "testscenarios/status", "configmaps"}
    assert len([write for write in own if write.what == "configmaps"]) == 1
    # The finalizer on and off, and status: begun, its services healthy, judged and torn down at the most.
    assert len([write for write in own if write.what == "testscenarios"]) == 2
    assert len(own) <= 2 + 4 + 1
    assert len(world.writes()) - len(world.writes("events")) == 2  # Started and the verdict


async def test_a_second_pass_over_an_unchanged_world_writes_nothing(world: World) -> None:
    body = world.scenario(GET)
    await world.until_done()
    before = list(world.server.writes)
    turns = world.controller._loop.turns
    world.tell("testscenarios", "MODIFIED", world.server.all("testscenarios")[0])
    await world.until(lambda: world.controller._loop.turns > turns)
    world.kill()
    world.start()
    await world.until(lambda: world.controller._loop.turns >= 1)
    await asyncio.sleep(0.05)
    assert world.server.writes == before
    assert body["metadata"]["name"] == "checkout"


async def test_the_finalizer_is_on_before_the_first_effect_and_off_after_the_last(world: World) -> None:
    world.scenario(GET)
    await world.until_done()
    effects = world.writes("events", "testscenarios/status")
    assert effects[0].what == "testscenarios"
    assert effects[-1].what == "testscenarios"


async def test_the_run_keeps_its_spec_in_its_namespace(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    namespace = next(body for body in world.server.all("namespaces") if body["metadata"]["name"] != "shop")
    assert '"image":"web:1"' in namespace["metadata"]["annotations"][names.RUN_SPEC]
    assert world.status()["run"]["namespace"] == namespace["metadata"]["name"]
    world.kill()


async def test_a_failing_service_fails_the_run_and_all_is_taken_away(world: World) -> None:
    world.app.answer = broken
    world.scenario(GET, {"name": "after", "needs": [{"step": "look"}], "http": {"service": "web"}})
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Failed", "ExpectationFailed")
    assert world.step("after")["state"] == "Skipped"
    assert conditions(status)["Complete"] == "True"
    assert conditions(status)["Succeeded"] == "False"
    assert world.left() == []


async def test_captures_reach_later_steps_and_jobs_as_text(world: World) -> None:
    jobs: list[Object] = []

    def job(server: ApiServer, body: Object) -> None:
        jobs.append(body)
        server.end_job(body)

    world.server.cluster.job = job
    world.scenario(
        POST | {"capture": {"orderId": "response.json.id"}},
        {
            "name": "stock",
            "needs": [{"step": "order"}],
            "http": {"service": "web", "path": "/stock?order=${captures.orderId}"},
        },
        {
            "name": "contract",
            "needs": [{"step": "order"}],
            # The captured value is a number; an environment variable is text.
            "job": {"image": "contract:1", "env": [{"name": "ORDER", "value": "${captures.orderId}"}]},
        },
        setup=[{"name": "seed", "job": {"image": "seed:1", "command": ["seed", "run-${run.id}"]}}],
        teardown=[{"name": "export", "job": {"image": "export:1"}}],
    )
    status = await world.until_done()
    assert (status["verdict"], status["message"]) == ("Passed", "3 of 3 steps succeeded")
    assert world.app.requests == ["POST /orders", "GET /stock?order=7"]
    assert [body["metadata"]["name"] for body in jobs] == ["step-seed", "step-contract", "step-export"]
    seed, contract = (body["spec"]["template"]["spec"]["containers"][0] for body in jobs[:2])
    assert seed["command"] == ["seed", "run-1"]
    assert contract["env"] == [{"name": "ORDER", "value": "7"}]
    assert status["setup"][0]["state"] == status["teardown"][0]["state"] == "Succeeded"


@pytest.mark.parametrize(
    ("value", "said"),
    [("${captures.order.missing}", "has no value"), ("${captures.order.text}", "at most 4096")],
)
async def test_a_job_whose_expression_has_no_usable_value_is_an_error(world: World, value: str, said: str) -> None:
    async def long(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"text": "x" * 400})

    world.app.answer = long
    world.scenario(
        POST | {"capture": {"order": "response.json"}},
        {
            "name": "contract",
            "needs": [{"step": "order"}],
            "job": {"image": "contract:1", "env": [{"name": "ORDER", "value": value * (11 if "text" in value else 1)}]},
        },
    )
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert said in status["message"]


async def test_an_invalid_spec_starts_nothing_and_a_valid_one_recovers(world: World) -> None:
    world.scenario({"name": "look", "http": {"service": "wbe"}})
    await world.until(lambda: world.status().get("conditions"))
    assert conditions(world.status())["Stalled"] == "True"
    assert "did you mean 'web'" in world.status()["message"]
    assert world.left() == []
    assert world.finalizers() == []

    def mend(body: Object) -> None:
        body["spec"]["steps"][0]["http"]["service"] = "web"

    world.server.change("testscenarios", "checkout", "shop", mend)
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert status["observedGeneration"] == 2


async def test_an_edit_cancels_the_run_and_starts_another(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    first = world.status()["run"]["namespace"]

    def edit(body: Object) -> None:
        body["spec"]["steps"] = []

    world.server.change("testscenarios", "checkout", "shop", edit)
    await world.until(lambda: world.status()["run"]["id"] == "2")
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Passed", "EnvironmentHealthy")
    assert [(run["id"], run["verdict"], run["reason"]) for run in status["history"]] == [
        ("1", "Cancelled", "SpecChanged")
    ]
    assert status["run"]["namespace"] != first
    assert world.left() == []


async def test_deleting_the_resource_in_the_middle_leaves_nothing(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.server.delete("testscenarios", "checkout", "shop")
    await world.until(lambda: not world.server.all("testscenarios"))
    assert world.left() == []
    await world.until(lambda: not world.controller._sessions)
    key = next(iter(world.controller._record._entries), None)
    assert (key, world.controller._subjects._parsed) == (None, {})
    assert list(world.controller.store.resources()) == []


async def test_a_resource_that_is_gone_does_not_come_back_by_a_late_answer(world: World) -> None:
    """The watch may tell that the resource is gone before the answer to the last write comes."""
    answer = world.server._answer
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)

    async def late(request: web.Request) -> web.StreamResponse:
        response = await answer(request)
        if request.method == "PATCH" and not world.server.all("testscenarios"):
            await asyncio.sleep(0.05)
        return response

    world.server._answer = late  # type: ignore[method-assign]  # a server that answers late
    world.server.delete("testscenarios", "checkout", "shop")
    await world.until(lambda: not world.server.all("testscenarios"))
    await world.until(lambda: not world.controller._sessions)
    assert list(world.controller.store.resources()) == []


async def test_specs_of_past_generations_are_forgotten(world: World) -> None:
    world.scenario(GET)
    await world.until_done()
    for token in ("a", "b", "c"):
        world.server.change(
            "testscenarios",
            "checkout",
            "shop",
            lambda body, token=token: body["spec"].update(run=token),  # type: ignore[misc]  # the default binds it now
        )
        generation = world.server.all("testscenarios")[0]["metadata"]["generation"]
        await world.until(lambda generation=generation: world.status()["observedGeneration"] == generation)  # type: ignore[misc]  # the default binds it now
        await world.until_done()
        parsed = world.controller._subjects._parsed.get(Key("TestScenario", "shop", "checkout"), {})
        assert {number for _, number in parsed} <= {generation - 1, generation}
    assert len(world.status()["history"]) == 3


async def test_an_image_that_cannot_be_pulled_ends_the_run_early(world: World) -> None:
    waiting = {"reason": "InvalidImageName", "message": "couldn't parse image name"}
    world.server.cluster.deployment = lambda server, body: server.run_pods(
        body, ready=False, container={"state": {"waiting": waiting}}
    )
    world.scenario(GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "InvalidImageName")
    assert "couldn't parse image name" in status["message"]
    assert world.left() == []


@pytest.mark.parametrize(("exit_code", "verdict"), [(0, "Passed"), (3, "Failed")])
async def test_a_job_is_judged_by_its_exit_code(world: World, exit_code: int, verdict: str) -> None:
    world.server.cluster.job = lambda server, body: server.end_job(body, exit_code)
    world.scenario({"name": "contract", "job": {"image": "contract:7"}})
    assert (await world.until_done())["verdict"] == verdict


async def test_verdicts_are_counted_once(world: World) -> None:
    world.scenario(GET)
    await world.until_done()
    labels = {"kind": "TestScenario", "verdict": "Passed"}
    assert world.metrics.registry.get_sample_value("seatrial_runs_total", labels) == 1
    assert world.metrics.registry.get_sample_value("seatrial_run_seconds_count", {"kind": "TestScenario"}) == 1


async def test_everything_made_and_deleted_is_in_the_audit_record(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seatrial.audit")
    world.scenario(GET)
    status = await world.until_done()
    said = [record.getMessage() for record in caplog.records if record.name == "seatrial.audit"]
    namespace = status["run"]["namespace"]
    assert f"created Namespace {namespace}" in said
    assert f"deleted Deployment {namespace}/web" in said
    assert any(line.startswith("run 1: Teardown Passed") for line in said)
    assert {record.__dict__["resource"] for record in caplog.records if record.name == "seatrial.audit"} == {
        "TestScenario/shop/checkout"
    }
