"""Reports of whole runs: what is in them, what a crash or a refusal does to them, and when they go."""

import hashlib
import json
import logging
from typing import Any

import pytest

from seatrial.api import names
from seatrial.api.parcel import CONTAINER, File, Kind, lines
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.world import World

pytestmark = pytest.mark.anyio

GET: Object = {"name": "look", "http": {"service": "web", "path": "/orders"}}
CONTRACT: Object = {
    "name": "contract",
    "job": {"image": "c:1", "junit": "/out/j.xml", "artifacts": [{"name": "shot", "path": "/out/shot.txt"}]},
}
JUNIT = b'<testsuite><testcase name="a"/><testcase name="b"><failure message="1 is not 2"/></testcase></testsuite>'


def reports(world: World) -> list[Object]:
    return world.server.all("configmaps")


def content(world: World) -> Any:
    [body] = reports(world)
    return json.loads(body["data"]["report.json"])


def end_badly(server: ApiServer, job: Object) -> None:
    """A Job's pod ends with exit code 7, and its sidecar hands over."""
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    state = {"terminated": {"exitCode": 7, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}}
    server.logs[f"{name}-pod/"] = ["starting", "no such table"]
    server.logs[f"{name}-pod/{CONTAINER}"] = [
        *lines([File(Kind.JUNIT, "j.xml", "j.xml", JUNIT), File(Kind.ARTIFACT, "shot", "shot.txt", b"pixels")])
    ]
    pod = server.put_pod(job, f"{name}-pod", {"state": state})
    sidecar = [{"name": CONTAINER, "state": {"running": {}}}]
    if "initContainers" in job["spec"]["template"]["spec"]:
        server.change(
            "pods",
            pod["metadata"]["name"],
            namespace,
            lambda body: body["status"].update(initContainerStatuses=sidecar),
        )


async def test_the_report_of_a_run_that_passed(world: World) -> None:
    body = world.scenario(GET)
    status = await world.until_done()
    [kept] = reports(world)
    text = kept["data"]["report.json"]
    assert status["report"] == {
        "run": "1",
        "configMaps": [kept["metadata"]["name"]],
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "bytes": len(text.encode()),
    }
    assert kept["metadata"]["ownerReferences"][0]["uid"] == body["metadata"]["uid"]
    report = json.loads(text)
    assert (report["verdict"], report["steps"][0]["state"]) == ("Passed", "Succeeded")
    assert report["tornDownAt"]
    changes = [(change["verb"], change["kind"]) for change in report["audit"]["objects"]]
    assert changes[0] == ("created", "Namespace")
    assert changes[-1] == ("deleted", "Namespace")
    told = [(entry["what"], entry["state"]) for entry in report["audit"]["transitions"]]
    assert ("step/look", "Running") in told
    assert ("run", "Passed") in told
    assert len(report["audit"]["specSha256"]) == 64
    assert "gaps" not in report["audit"]
    assert kept["data"]["junit.xml"].startswith("<?xml")


async def test_who_asked_is_read_off_the_resource(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seatrial.audit")
    fields = [
        {"manager": "argocd", "operation": "Apply", "time": "2026-11-22T10:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "python", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    world.server.put(
        "testscenarios",
        {
            "metadata": {"name": "checkout", "managedFields": fields},
            "spec": {"environment": {"services": [world.service()]}},
        },
        "shop",
    )
    await world.until_done()
    requester = {"manager": "argocd", "operation": "Apply", "time": "2026-11-22T10:00:00Z"}
    assert content(world)["audit"]["requesters"] == [requester]
    assert "asked for by argocd (Apply 2026-11-22T10:00:00Z); spec sha256" in caplog.text
    assert "run 1: service/web Healthy" in caplog.text


async def test_test_cases_artifacts_and_last_words_are_kept_before_anything_is_deleted(world: World) -> None:
    world.server.cluster.job = end_badly
    world.scenario(CONTRACT, {"name": "migrate", "job": {"image": "m:1"}})
    status = await world.until_done()
    assert world.step("contract")["message"] == "1 of 2 tests failed: b"
    assert world.step("contract")["junit"]["failing"] == ["b"]
    assert status["verdict"] == "Failed"
    report = content(world)
    assert [(tail["owner"], tail["lines"]) for tail in report["tails"]] == [
        ("contract", ["starting", "no such table"]),
        ("migrate", ["starting", "no such table"]),
    ]
    assert report["suites"][0]["cases"][1] == {"name": "b", "state": "failure", "message": "1 is not 2"}
    assert [(one["name"], one["content"]) for one in report["artifacts"]] == [("shot", "pixels")]
    order = [(method, path) for method, path in world.server.requests if "/log" in path or method == "DELETE"]
    assert all("/log" in path for _, path in order[:3])


async def test_an_operator_that_takes_over_keeps_what_the_first_has_written_and_says_what_it_cannot_know(
    world: World,
) -> None:
    world.server.cluster.job = end_badly
    world.server.cluster.linger = True
    world.scenario({"name": "migrate", "job": {"image": "m:1"}})
    await world.until(lambda: reports(world), "the first report")
    before = content(world)
    assert before["tails"]
    assert "tornDownAt" not in before
    world.kill()
    for pod in world.server.all("pods"):
        world.server.delete("pods", pod["metadata"]["name"], pod["metadata"]["namespace"])
    world.start()
    world.server.cluster.linger = False
    [trial] = [body for body in world.server.all("namespaces") if body["metadata"]["name"] != "shop"]
    world.server._namespace_gone(trial["metadata"]["name"])
    status = await world.until_done()
    after = content(world)
    assert after["tails"] == before["tails"]
    assert after["tornDownAt"]
    assert "another operator was in charge" in after["audit"]["gaps"][0]
    assert status["report"]["sha256"] == hashlib.sha256(reports(world)[0]["data"]["report.json"].encode()).hexdigest()


async def test_an_operator_that_takes_over_early_rebuilds_what_it_can(world: World) -> None:
    world.server.cluster.job = lambda server, body: None
    world.scenario({"name": "migrate", "job": {"image": "m:1"}})
    await world.until(lambda: world.step("migrate").get("state") == "Running" and world.server.all("jobs"))
    world.kill()
    world.start()
    [job] = world.server.all("jobs")
    world.server.end_job(job)
    assert (await world.until_done())["verdict"] == "Passed"
    audit = content(world)["audit"]
    rebuilt = {(change["kind"], change.get("rebuilt")) for change in audit["objects"] if change["verb"] == "created"}
    assert {("Namespace", True), ("Deployment", True), ("Job", True)} <= rebuilt
    assert any(entry["what"] == "service/web" and entry["rebuilt"] for entry in audit["transitions"])


@pytest.mark.parametrize("status", [403, 422])
async def test_a_report_that_is_refused_holds_nothing_up(world: World, status: int) -> None:
    world.server.faults = [Fault("POST", "/configmaps", status=status, reason="Forbidden", times=99)]
    world.scenario(GET)
    found = await world.until_done()
    assert found["verdict"] == "Passed"
    assert "could not be written" in found["report"]["message"]
    assert "configMaps" not in found["report"]


@pytest.mark.parametrize("fault", [Fault("POST", "/configmaps"), Fault("POST", "/configmaps", stored=True)])
async def test_a_lost_answer_writes_the_same_report_once(world: World, fault: Fault) -> None:
    world.server.faults = [fault]
    world.scenario(GET)
    status = await world.until_done()
    assert len(reports(world)) == 1
    assert status["report"]["configMaps"] == [reports(world)[0]["metadata"]["name"]]


async def test_a_configmap_of_somebody_else_is_left_alone(world: World) -> None:
    body = world.scenario(GET)
    name = names.report("checkout", body["metadata"]["uid"], "1")
    world.server.put("configmaps", {"metadata": {"name": name, "labels": {"a": "b"}}, "data": {"mine": "1"}}, "shop")
    status = await world.until_done()
    assert "is not ours" in status["report"]["message"]
    assert reports(world)[0]["data"] == {"mine": "1"}


async def test_as_many_reports_stay_as_the_history_keeps(world: World) -> None:
    world.scenario(GET, services=[world.service()])
    await world.until_done()
    for number in range(2, 14):
        world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(run=str(number)))  # noqa: B023 - awaited at once
        await world.until(lambda: world.status().get("run", {}).get("id") == str(number), f"run {number}")  # noqa: B023 - awaited at once
        await world.until_done()
    kept = {body["metadata"]["name"] for body in reports(world)}
    status = world.status()
    assert kept == {*status["report"]["configMaps"], *(name for run in status["history"] for name in run["report"])}
    assert len(kept) == 11
