"""Whole runs: a controller, an API server over HTTP, and a service that answers."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from seatrial.api import names
from seatrial.engine import record, resync
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.world import World

pytestmark = pytest.mark.anyio

GET: Object = {"name": "look", "http": {"service": "web", "path": "/orders"}}
POST: Object = {"name": "order", "http": {"service": "web", "method": "POST", "path": "/orders"}}


def conditions(status: Any) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


async def test_a_run_goes_from_nothing_to_a_verdict_to_nothing(world: World) -> None:
    world.scenario(GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"], status["progress"]) == ("Passed", "AllStepsSucceeded", "1/1")
    assert world.app.requests == ["GET /orders"]
    assert conditions(status) == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
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


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def broken(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


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

    world.server._answer = late  # type: ignore[method-assign]
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
            lambda body, token=token: body["spec"].update(run=token),  # type: ignore[misc]
        )
        generation = world.server.all("testscenarios")[0]["metadata"]["generation"]
        await world.until(lambda generation=generation: world.status()["observedGeneration"] == generation)  # type: ignore[misc]
        await world.until_done()
    ((_, parsed),) = world.controller._subjects._parsed.items()
    assert {generation for _, generation in parsed} <= {3, 4}
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


# ---------------------------------------------------------------------- restarts


async def test_a_restart_at_any_write_comes_to_the_same_verdict_and_objects(world: World) -> None:
    """Kill the operator after its n-th write, for every n of a run."""
    world.scenario(GET, POST | {"needs": [{"step": "look"}]})
    await world.until_done()
    plain = list(world.writes("events", "testscenarios", "testscenarios/status"))
    total = len(world.writes())
    for cut in range(1, total):
        world.server.delete("testscenarios", "checkout", "shop")
        await world.until(lambda: not world.controller._sessions)
        world.server.writes.clear()
        world.app.requests.clear()
        world.scenario(GET, POST | {"needs": [{"step": "look"}]})
        await world.until(lambda cut=cut: len(world.server.writes) >= cut)  # type: ignore[misc]
        world.kill()
        posts = world.app.requests.count("POST /orders")
        await asyncio.sleep(0.005)
        world.start()
        status = await world.until_done()
        # A POST that was on its way when the operator died is told apart from one that was not.
        interrupted = world.step("order")["reason"] == "Interrupted"
        assert status["verdict"] == ("Error" if interrupted else "Passed"), (cut, status)
        assert not interrupted or posts <= 1
        assert world.app.requests.count("POST /orders") <= 1
        assert world.left() == []
        made = {write for write in world.server.writes if write.verb == "create" and write.what != "events"}
        assert {write.what for write in made} == {write.what for write in plain if write.verb == "create"}
        assert len(made) == len([write for write in plain if write.verb == "create"])


async def test_a_post_that_was_cut_off_is_an_error_and_never_sent_twice(world: World) -> None:
    world.app.answer = never
    world.scenario(POST)
    await world.until(lambda: world.app.requests)
    assert world.step("order")["state"] == "Running"  # its intent was on record before it was sent
    world.kill()
    world.start()
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Interrupted")
    assert world.app.requests == ["POST /orders"]


async def test_a_get_that_was_cut_off_is_sent_again(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.kill()

    async def fine(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    world.app.answer = fine
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"
    assert world.app.requests == ["GET /orders"] * 2


async def test_an_edit_while_no_operator_runs_is_judged_by_the_spec_on_record(world: World) -> None:
    world.app.answer = never
    world.scenario(GET, teardown=[{"name": "export", "job": {"image": "export:1"}}])
    await world.until(lambda: world.app.requests)
    world.kill()
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(steps=[], teardown=[]))
    world.start()
    await world.until(lambda: world.status()["run"]["id"] == "2")
    status = await world.until_done()
    assert status["history"][0]["reason"] == "SpecChanged"
    assert next(write.name for write in world.writes() if write.what == "jobs") == "step-export"


# ---------------------------------------------------------------------- SIGTERM


async def test_on_sigterm_the_answer_of_a_request_under_way_is_stored(world: World) -> None:
    released = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    world.app.answer = slow
    world.scenario(POST, {"name": "second", "needs": [{"step": "order"}], **_http("POST", "/second")})
    await world.until(lambda: world.app.requests)
    closing = asyncio.create_task(world.controller.close())
    await asyncio.sleep(0.01)
    released.set()
    await closing
    assert world.step("order")["state"] == "Succeeded"
    # What comes after belongs to the next operator, and must not look as if it had been sent.
    assert world.step("second")["state"] == "Pending"
    assert world.app.requests == ["POST /orders"]
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"
    assert world.app.requests == ["POST /orders", "POST /second"]


async def test_on_sigterm_an_intent_that_is_being_stored_is_carried_out(world: World) -> None:
    """The turn that stores the intent of a POST is under way: the POST is sent, because that is what is on record."""
    world.scenario(GET, POST | {"needs": [{"step": "look"}]})
    patched = asyncio.Event()
    answered = asyncio.Event()
    answer = world.server._answer

    async def held(request: web.Request) -> web.StreamResponse:
        response = await answer(request)
        if request.method == "PATCH" and world.step("order").get("state") == "Running" and not patched.is_set():
            patched.set()
            await answered.wait()
        return response

    world.server._answer = held  # type: ignore[method-assign]
    await patched.wait()
    closing = asyncio.create_task(world.controller.close())
    await asyncio.sleep(0.01)
    answered.set()
    await closing
    assert world.app.requests == ["GET /orders", "POST /orders"]
    assert world.step("order")["state"] == "Succeeded"
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"


def _http(method: str, path: str) -> Object:
    return {"http": {"service": "web", "method": method, "path": path}}


# ---------------------------------------------------------------------- an API server with bad moments


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/namespaces$", stored=True),
        Fault("POST", "/deployments$", stored=True),
        Fault("POST", "/services$", stored=True),
        Fault("POST", "/limitranges$", status=504, stored=True),
        Fault("PATCH", "/testscenarios/checkout$", stored=True),
        Fault("PATCH", "/status$", stored=True, times=2),
        Fault("DELETE", "/namespaces/trial", stored=True),
        Fault("DELETE", "/deployments/", stored=True),
    ],
    ids=lambda fault: f"{fault.method} {fault.path}",
)
async def test_a_lost_answer_doubles_nothing(world: World, fault: Fault) -> None:
    """The server did it, but the connection broke before it could say so."""
    world.server.faults = [fault]
    world.scenario(GET)
    status = await world.until_done()
    assert fault.hits == fault.times
    assert status["verdict"] == "Passed"
    assert world.app.requests == ["GET /orders"]
    assert world.left() == []
    assert world.finalizers() == []


async def test_a_lost_answer_does_not_put_the_finalizer_on_twice(world: World) -> None:
    world.app.answer = never
    world.server.faults = [Fault("PATCH", "/testscenarios/checkout$", stored=True)]
    world.server.listeners = []
    world.scenario(GET)
    body = world.server.change(
        "testscenarios", "checkout", "shop", lambda body: body["metadata"].update(finalizers=["example.com/mine"])
    )
    world.tell("testscenarios", "ADDED", body)
    await world.until(lambda: world.server.faults[0].hits)
    await asyncio.sleep(0.1)  # more tries, in a world of which no watch has told yet
    assert world.finalizers() == ["example.com/mine", names.FINALIZER]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/namespaces$", status=500),
        Fault("POST", "/deployments$", status=429, headers={"Retry-After": "0"}),
        Fault("POST", "/resourcequotas$", status=503),
        Fault("POST", "/services$", status=409, reason="Conflict"),  # two writers of the quota: kubernetes#67761
        Fault("POST", "/deployments$"),
        Fault("PATCH", "/status$", status=500, times=2),
        Fault("PATCH", "/status$", status=409, reason="Conflict", times=2),
        Fault("DELETE", "/deployments/", status=500),
        Fault("DELETE", "/namespaces/trial", status=403, times=2),
        Fault("POST", "/events$", status=500, times=9),
    ],
    ids=lambda fault: f"{fault.method} {fault.path} {fault.status}",
)
async def test_a_bad_moment_of_the_api_server_changes_no_verdict(world: World, fault: Fault) -> None:
    world.server.faults = [fault]
    world.scenario(GET)
    status = await world.until_done()
    assert fault.hits
    assert status["verdict"] == "Passed"
    assert world.left() == []


async def test_the_last_status_gets_through_a_conflict(world: World) -> None:
    """Nothing but the conflict itself tells that it has to be written again."""
    world.scenario(GET)
    await world.until(lambda: world.status().get("verdict"))
    world.server.faults = [Fault("PATCH", "/status$", status=409, reason="Conflict", times=3)]
    status = await world.until_done()
    assert status["phase"] == "Done"


async def test_what_cannot_be_taken_away_holds_up_neither_the_verdict_nor_its_own_report(world: World) -> None:
    world.server.faults = [Fault("DELETE", "/namespaces/trial", status=403, times=1000)]
    world.scenario(GET, timeouts={"teardown": "50ms"})
    await world.until(lambda: world.status().get("verdict"))
    assert world.status()["verdict"] == "Passed"

    def torn_down() -> Any:
        return next(entry for entry in world.status()["conditions"] if entry["type"] == "TornDown")

    await world.until(lambda: torn_down()["reason"] == "Blocked")
    assert world.status()["run"]["namespace"] in torn_down()["message"]
    assert world.status()["phase"] == "Teardown"
    world.server.faults = []
    await world.until_done()


async def test_looking_up_a_service_is_tried_again_before_a_post(world: World) -> None:
    world.server.faults = [Fault("GET", "/services/web$", status=500, times=2)]
    world.scenario(POST, services=[world.service(ready={})])
    status = await world.until_done()
    assert (status["verdict"], world.app.requests) == ("Passed", ["POST /orders"])


async def test_a_service_that_is_gone_is_an_error(world: World) -> None:
    world.server.faults = [Fault("GET", "/services/web$", status=404, reason="NotFound")]
    world.scenario(POST, services=[world.service(ready={})])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "ServiceLost")


async def test_probing_goes_on_after_a_bad_moment(world: World) -> None:
    world.server.faults = [Fault("GET", "/services/web$", status=500)]
    world.scenario(GET)
    assert (await world.until_done())["verdict"] == "Passed"


# ---------------------------------------------------------------------- what is not ours


async def test_a_namespace_of_somebody_else_is_left_alone(world: World) -> None:
    uid = world.scenario(GET)["metadata"]["uid"]  # the operator has not been told of it yet
    taken = names.environment_namespace("checkout", uid, "1")
    world.server.put("namespaces", {"metadata": {"name": taken}})
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert "is not of this run" in status["message"]
    assert world.server.get("namespaces", taken)
    assert [where for (_, where, _) in world.server.objects if where == taken] == []


async def test_nothing_runs_in_a_namespace_that_could_not_be_guarded(world: World) -> None:
    world.server.faults = [Fault("POST", "/networkpolicies$", status=403, reason="Forbidden")]
    world.scenario(GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert "NetworkPolicy seatrial was refused" in status["message"]
    assert not [write for write in world.server.writes if write.what == "deployments"]
    assert world.left() == []


async def test_the_environment_is_deleted_by_somebody_else(world: World) -> None:
    world.app.answer = never
    world.scenario(GET)
    await world.until(lambda: world.app.requests)
    world.server.delete("namespaces", world.status()["run"]["namespace"])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "EnvironmentLost")


@pytest.mark.parametrize("kind", ["namespaces", "pods"])
async def test_what_went_without_a_word_does_not_hold_the_teardown_up(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A watch that is cut off tells of what is there when it is back, not of what went in between."""
    monkeypatch.setattr(resync, "INTERVAL", 0.05)
    listeners = world.server.listeners

    def deaf(plural: str, event: str, body: Object) -> None:
        if (plural, event) != (kind, "DELETED"):
            listeners[0](plural, event, body)

    world.server.listeners = [deaf]
    world.scenario(GET)
    assert (await world.until_done())["verdict"] == "Passed"


async def test_objects_that_are_still_there_are_kept_when_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "INTERVAL", 0.02)
    world.server.cluster.linger = True
    world.scenario(GET)
    await world.until(lambda: world.status().get("verdict"))
    namespace = world.status()["run"]["namespace"]
    asked = ("GET", f"/api/v1/namespaces/{namespace}")
    await world.until(lambda: world.server.requests.count(asked) > 2)
    assert world.status()["phase"] == "Teardown"
    world.server._namespace_gone(namespace)
    assert (await world.until_done())["verdict"] == "Passed"


# ---------------------------------------------------------------------- metrics and audit


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
