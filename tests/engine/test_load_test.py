"""Whole runs of LoadTests, whose workers' output is scripted."""

from collections.abc import Sequence
from typing import Any

import pytest

from seatrial.api import names
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio


def workers(*logs: Sequence[str | None]) -> Any:
    """A script by which an Indexed Job's workers start and print."""

    def script(server: ApiServer, body: Object) -> None:
        for index, log in enumerate(logs):
            server.logs[f"{body['metadata']['name']}-{index}"] = list(log)
        server.start_workers(body)

    return script


def target(world: World, ports: list[Object] | None = None) -> None:
    world.server.put("services", {"metadata": {"name": "web"}, "spec": {"ports": ports or [{"port": 80}]}}, "shop")


async def test_a_load_test_merges_judges_and_takes_its_workers_away(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([line(0), line(0, 1, final=True)], [line(1, 1, values=(5, 6), final=True)])
    world.load_test(
        workers=2, profile={"users": 2, "duration": "1s"}, thresholds=[{"expr": "latency.max < duration('2ms')"}]
    )
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Passed", "ThresholdsMet")
    assert (status["result"]["requests"], status["result"]["workersFinished"]) == (3, 2)
    assert status["result"]["thresholds"][0]["state"] == "Passed"
    assert world.left() == []
    job = next(write for write in world.writes() if write.what == "jobs")
    assert job.verb == "create"
    assert job.name.startswith("peak-load-")


async def test_a_threshold_that_is_missed_fails_it(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([line(final=True)])
    world.load_test(thresholds=[{"expr": "latency.max < duration('0.5ms')"}])
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Failed", "ThresholdMissed")


async def test_the_worker_job_is_owned_by_the_load_test_and_knows_its_target(world: World) -> None:
    jobs: list[Object] = []
    target(world, [{"name": "admin", "port": 81}, {"name": "http", "port": 8080}])
    world.server.cluster.job = lambda server, body: jobs.append(body)
    uid = world.load_test(target={"service": "web", "port": "http"})["metadata"]["uid"]
    await world.until(lambda: jobs)
    assert jobs[0]["metadata"]["ownerReferences"][0]["uid"] == uid
    env = {entry["name"]: entry.get("value") for entry in jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["SEATRIAL_TARGET"] == "web:8080"
    world.kill()


@pytest.mark.parametrize(
    ("ports", "port", "reason", "said"),
    [
        (None, None, "TargetNotFound", "there is no Service web in namespace shop"),
        ([{"name": "a", "port": 1}, {"name": "b", "port": 2}], None, "TargetPortNotFound", "has the ports a, b: name"),
        ([{"port": 1}], "http", "TargetPortNotFound", "has the ports 1: name one of them"),
    ],
)
async def test_a_target_that_is_not_there_is_an_error(
    world: World, ports: list[Object] | None, port: str | None, reason: str, said: str
) -> None:
    if ports:
        target(world, ports)
    world.load_test(target={"service": "web"} | ({"port": port} if port else {}))
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Error", reason)
    assert said in status["message"]
    assert world.left() == []


async def test_workers_speak_tls_to_the_name_that_services_have_in_certificates(world: World) -> None:
    jobs: list[Object] = []
    target(world, [{"name": "https", "port": 443}])
    world.server.cluster.job = lambda server, body: jobs.append(body)
    world.load_test(target={"service": "web", "tls": {"ca": {"secret": {"name": "web-tls", "key": "ca.crt"}}}})
    await world.until(lambda: jobs)
    env = {entry["name"]: entry for entry in jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["SEATRIAL_TARGET"]["value"] == "web.shop.svc:443"
    assert env["SEATRIAL_CA"]["valueFrom"] == {"secretKeyRef": {"name": "web-tls", "key": "ca.crt"}}
    world.kill()


def headless(world: World, target_port: Any, *slices: list[Object]) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": target_port}]
    world.server.put("services", {"metadata": {"name": "web"}, "spec": {"clusterIP": "None", "ports": ports}}, "shop")
    for number, found in enumerate(slices):
        metadata = {"name": f"web-{number}", "labels": {"kubernetes.io/service-name": "web"}}
        world.server.put("endpointslices", {"metadata": metadata, "ports": found}, "shop")


@pytest.mark.parametrize(
    ("target_port", "slices"),
    [(8080, []), ("web", [[{"name": "http", "port": 8080}, {"name": "admin", "port": 1}], []])],
)
async def test_a_headless_service_is_asked_at_its_pods_own_port(
    world: World, target_port: Any, slices: list[list[Object]]
) -> None:
    jobs: list[Object] = []
    headless(world, target_port, *slices)
    world.server.cluster.job = lambda server, body: jobs.append(body)
    world.load_test(target={"service": "web"})
    await world.until(lambda: jobs)
    env = {entry["name"]: entry.get("value") for entry in jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["SEATRIAL_TARGET"] == "web:8080"
    world.kill()


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ([], "it has no pods that say which number that is"),
        ([[{"name": "http", "port": 1}], [{"name": "http", "port": 2}]], "its pods have it under several numbers"),
    ],
)
async def test_a_headless_service_whose_pods_do_not_say_the_number(
    world: World, slices: list[list[Object]], said: str
) -> None:
    headless(world, "web", *slices)
    world.load_test(target={"service": "web"})
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Error", "TargetPortNotFound")
    assert said in status["message"]


async def test_a_restart_in_the_middle_reads_the_logs_again(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([line(0)])
    world.load_test(thresholds=[{"expr": "requests.count == 2"}])
    await world.until(lambda: world.status("loadtests").get("result", {}).get("requests") == 1)
    world.kill()
    name = world.server.all("jobs")[0]["metadata"]["name"]
    world.server.logs[f"{name}-0"] = [line(0, 1, values=(1, 2), final=True)]
    world.start()
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["result"]["requests"]) == ("Passed", 2)
    assert len([write for write in world.writes() if write.what == "jobs" and write.verb == "create"]) == 1


async def test_an_edit_while_no_operator_runs_cancels_by_the_spec_on_record(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([line(0)])
    world.load_test()
    await world.until(lambda: world.status("loadtests").get("result", {}).get("requests") == 1)
    world.kill()
    world.server.change("loadtests", "peak", "shop", lambda body: body["spec"].update(run="again"))
    world.server.cluster.job = workers([line(0, final=True)])
    world.start()
    await world.until(lambda: world.status("loadtests")["run"]["id"] == "2")
    status = await world.until_done("loadtests")
    assert status["verdict"] == "Passed"
    assert status["history"][0]["reason"] == "SpecChanged"
    assert world.left() == []


async def test_a_worker_that_is_lost_makes_the_result_inconclusive(world: World) -> None:
    def script(server: ApiServer, body: Object) -> None:
        ended = {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
        server.put_pod(body, "worker-0", ended, index=0)

    target(world)
    world.server.cluster.job = script
    world.load_test()
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "WorkerLost")


async def test_a_job_of_somebody_else_is_left_alone(world: World) -> None:
    target(world)
    uid = world.load_test()["metadata"]["uid"]
    taken = names.load_job("peak", uid, "1")
    world.server.put("jobs", {"metadata": {"name": taken}, "spec": {}}, "shop")
    status = await world.until_done("loadtests")
    assert "exists already and is not of this run" in status["message"]
    assert world.server.get("jobs", taken, "shop")


async def test_a_job_that_is_another_one_by_now_is_not_deleted(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([line(0)])
    uid = world.load_test()["metadata"]["uid"]
    await world.until(lambda: world.status("loadtests").get("result", {}).get("requests") == 1)
    name = world.server.all("jobs")[0]["metadata"]["name"]
    world.server.listeners = []
    world.server.delete("jobs", name, "shop")
    world.server.put("jobs", {"metadata": {"name": name}, "spec": {}}, "shop")
    world.server.listeners = [world.tell]
    world.server.delete("loadtests", "peak", "shop")
    await world.until(lambda: any(write.verb == "delete" and write.what == "jobs" for write in world.writes()))
    await world.until(lambda: not world.controller.store.objects(uid, "Job"))
    assert world.server.get("jobs", name, "shop")
    world.kill()


async def test_load_as_a_step_of_a_scenario(world: World) -> None:
    world.server.cluster.job = workers([line(0), line(0, 1, final=True)])
    load = {"target": {"service": "web"}, "profile": {"users": 1, "duration": "1s"}}
    world.scenario({"name": "peak", "load": load | {"thresholds": [{"expr": "errors.rate < 0.01"}]}})
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert world.step("peak")["load"]["requests"] == 1
    assert world.left() == []


async def test_a_bad_moment_while_the_target_is_looked_up(world: World) -> None:
    target(world)
    world.server.faults = [Fault("GET", "/services/web", status=503)]
    world.server.cluster.job = workers([line(final=True)])
    world.load_test()
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"


async def test_a_hundred_workers_that_are_followed_leave_room_for_everybody_else(world: World) -> None:
    target(world)
    world.server.hold_logs = True
    world.server.cluster.job = workers(*[[line(index)] for index in range(100)])
    world.load_test(workers=100, profile={"users": 100, "duration": "1s"})
    await world.until(lambda: world.status("loadtests").get("result", {}).get("requests") == 100)
    world.scenario({"name": "look", "http": {"service": "web"}})
    assert (await world.until_done())["verdict"] == "Passed"
    world.kill()
