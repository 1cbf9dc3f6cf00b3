"""Trials in their resource's own namespace: made one by one, taken away one by one, and nobody else's touched."""

import json
from typing import Any

import pytest

from seatrial.api import names
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.scenarios import GET, conditions, never
from tests.engine.world import World
from tests.thoroughness import STRIDE

pytestmark = pytest.mark.anyio

WORK: Object = {"name": "work", "job": {"image": "work:1"}}
BYE: Object = {"name": "bye", "job": {"image": "bye:1"}}


def same(world: World, *steps: Object, **spec: Any) -> Object:
    return world.scenario(*steps, environment={"namespace": "Same", "services": [world.service()]}, **spec)


def of_users(world: World) -> list[str]:
    return [str(body["metadata"]["uid"]) for plural in ("services", "deployments") for body in world.server.all(plural)]


async def test_a_run_beside_its_resource_makes_no_namespace_and_leaves_nothing(world: World) -> None:
    same(world, GET, WORK, teardown=[BYE])
    status = await world.until_done()
    assert (status["verdict"], status["run"]["namespace"]) == ("Passed", "shop")
    assert conditions(status)["TornDown"] == "True"
    assert world.left() == []
    made = [write for write in world.server.writes if write.verb == "create" and write.what != "events"]
    environment = [write.what for write in made if write.what != "configmaps"]
    assert environment == ["controllerrevisions", "services", "deployments", "jobs", "jobs"]
    deleted = [write.what for write in world.server.writes if write.verb == "delete"]
    assert deleted == ["deployments", "jobs", "jobs", "services", "controllerrevisions"]
    assert [body["metadata"]["name"] for body in world.server.all("namespaces")] == ["shop"]


async def test_files_are_its_own_and_go_with_the_record(world: World) -> None:
    world.app.answer = never
    files = [{"path": "/etc/app.conf", "content": "a"}]
    service = world.service(files=files)
    job = {"name": "work", "job": {"image": "work:1", "files": files}}
    world.server.put("configmaps", {"metadata": {"name": "seatrial-service-web"}}, "shop")
    world.scenario(GET, job, environment={"namespace": "Same", "services": [service]})
    await world.until(lambda: world.app.requests and len(world.server.all("configmaps")) == 3)
    (deployment,) = world.server.all("deployments")
    (volume,) = deployment["spec"]["template"]["spec"]["volumes"]
    assert volume["configMap"]["name"] in [body["metadata"]["name"] for body in world.server.all("configmaps")]
    assert volume["configMap"]["name"] != "seatrial-service-web"
    world.server.delete("testscenarios", "checkout", "shop")
    await world.until(lambda: not world.server.all("testscenarios"))
    assert [body["metadata"]["name"] for body in world.server.all("configmaps")] == ["seatrial-service-web"]
    assert ("GET", "configmaps") not in {(method, path.split("/")[-2]) for method, path in world.server.requests}


async def test_jobs_of_two_scenarios_do_not_share_names(world: World) -> None:
    jobs: list[str] = []

    def job(server: ApiServer, body: Object) -> None:
        jobs.append(body["metadata"]["name"])
        server.end_job(body)

    world.server.cluster.job = job
    same(world, WORK)
    await world.until_done()
    assert jobs == [names.beside("step-work", names_uid(world), "1")]
    assert len(names.beside("step-" + 50 * "a", "u", "1")) <= 60


def names_uid(world: World) -> str:
    return str(world.server.all("testscenarios")[0]["metadata"]["uid"])


@pytest.mark.parametrize("plural", ["services", "deployments"])
async def test_a_name_that_is_taken_is_an_error_and_its_holder_is_left_alone(world: World, plural: str) -> None:
    theirs = world.server.put(plural, {"metadata": {"name": "web"}, "spec": {"clusterIP": "10.0.0.1"}}, "shop")
    same(world, GET)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "NameTaken")
    assert f"{theirs['kind']} web exists already" in status["message"]
    assert world.server.get(plural, "web", "shop") == world.server.objects[plural, "shop", "web"]
    assert of_users(world) == [theirs["metadata"]["uid"]]
    assert world.left() == []


async def test_two_scenarios_in_one_namespace_do_not_take_each_others_objects(world: World) -> None:
    world.app.answer = never
    same(world, GET)
    await world.until(lambda: world.app.requests)
    spec = {"environment": {"namespace": "Same", "services": [world.service()]}, "steps": [GET]}
    second = {"metadata": {"name": "second"}, "spec": spec}
    world.server.put("testscenarios", second, "shop")

    def ended() -> bool:
        body = world.server.get("testscenarios", "second", "shop") or {}
        return bool(body.get("status", {}).get("phase") == "Done")

    await world.until(ended)
    body = world.server.get("testscenarios", "second", "shop") or {}
    assert body["status"]["reason"] == "NameTaken"
    assert len(of_users(world)) == 2
    assert "verdict" not in world.status()
    world.kill()


async def test_an_edit_while_the_operator_was_away_still_runs_the_teardown_that_was_asked_for(world: World) -> None:
    jobs: list[str] = []

    def job(server: ApiServer, body: Object) -> None:
        jobs.append(body["metadata"]["labels"][names.STEP])
        server.end_job(body)

    world.server.cluster.job = job
    world.app.answer = never
    same(world, GET, teardown=[BYE])
    await world.until(lambda: world.app.requests)
    world.kill()
    change: Object = {"steps": [], "teardown": []}
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(change))
    world.start()
    await world.until(lambda: world.status()["run"]["id"] == "2")
    status = await world.until_done()
    assert status["history"][0]["reason"] == "SpecChanged"
    assert jobs == ["bye"]
    assert world.left() == []


async def test_a_record_that_somebody_deletes_ends_the_run_and_all_is_taken_away(world: World) -> None:
    world.app.answer = never
    same(world, GET)
    await world.until(lambda: world.app.requests)
    (record,) = world.server.all("controllerrevisions")
    assert (record["revision"], record["data"]) == (1, {"run": "1"}), "the real API server demands both"
    assert json.loads(record["metadata"]["annotations"][names.RUN_SPEC])["environment"]["namespace"] == "Same"
    world.server.delete("controllerrevisions", record["metadata"]["name"], "shop")
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "EnvironmentLost")
    assert "record of the run" in status["message"]
    assert world.left() == []


async def test_killed_after_any_write_it_ends_the_same_and_leaves_nothing(world: World) -> None:
    same(world, GET, WORK, teardown=[BYE])
    await world.until_done()
    writes = len(world.server.writes)
    assert writes > 10
    for number in range(1, writes + 1, STRIDE):
        await _clean(world)
        before = len(world.server.writes)

        def killed(before: int = before, number: int = number) -> bool:
            return len(world.server.writes) - before >= number or done(world)

        same(world, GET, WORK, teardown=[BYE])
        await world.until(killed)
        world.kill()
        world.start()
        await world.until(lambda: done(world), f"killed after write {number}")
        assert world.status()["verdict"] == "Passed", f"killed after write {number}"
        assert world.left() == [], f"killed after write {number}"


def done(world: World) -> bool:
    return world.status().get("phase") == "Done" and not world.finalizers()


async def _clean(world: World) -> None:
    world.server.delete("testscenarios", "checkout", "shop")
    await world.until(lambda: not world.server.all("testscenarios"))


async def test_a_deletion_that_is_refused_is_named_and_tried_again(world: World) -> None:
    world.server.faults = [Fault("DELETE", "/services/web$", status=403, reason="Forbidden", times=999)]
    same(world, GET)

    def named() -> bool:
        rows = world.status().get("conditions", [])
        return any(row["reason"] == "Blocked" and "Service shop/web was not deleted" in row["message"] for row in rows)

    await world.until(named, "the refusal is named")
    world.server.faults = []
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert world.left() == []
