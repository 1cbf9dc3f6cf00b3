"""Existing services: asked, never touched, and only where that is allowed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seatrial.engine.settings import AllowedTarget, InvalidSettings
from tests.engine.api_server import ApiServer, Object
from tests.engine.scenarios import GET
from tests.engine.world import World

pytestmark = pytest.mark.anyio


def service(world: World, namespace: str = "shop", name: str = "payments", **spec: Any) -> Object:
    wanted = {"clusterIP": "127.0.0.1", "selector": {"app": name}, "ports": [{"port": world.app.port}]} | spec
    body = world.server.put("services", {"metadata": {"name": name}, "spec": wanted}, namespace)
    slices = {"name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}}
    world.server.put("endpointslices", {"metadata": slices, "endpoints": [{"conditions": {"ready": True}}]}, namespace)
    return body


def using(world: World, *steps: Object, **entry: Any) -> None:
    existing = entry.pop("existing", {"service": "payments"})
    world.scenario(*(steps or (GET,)), services=[{"name": "web", "existing": existing} | entry])


async def test_a_short_scenario_makes_nothing_and_writes_little(world: World) -> None:
    before = service(world)
    using(world)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Passed", "AllStepsSucceeded")
    assert world.app.requests == ["GET /orders"]
    writes = world.writes("events")
    assert {write.what for write in writes} == {"testscenarios/status", "configmaps"}, (
        "no finalizer, nothing made but the report"
    )
    assert len(writes) <= 6
    assert world.server.get("services", "payments", "shop") == world.server.objects["services", "shop", "payments"]
    assert (world.server.get("services", "payments", "shop") or {})["metadata"]["uid"] == before["metadata"]["uid"]
    assert world.left() == []


async def test_its_own_probe_decides_where_there_is_one(world: World) -> None:
    service(world)
    world.server.delete("endpointslices", "payments-x", "shop")
    using(world, ready={"http": {"path": "/healthz"}})
    assert (await world.until_done())["verdict"] == "Passed"


async def test_it_is_waited_for_until_it_is_there(world: World) -> None:
    using(world, ready={"interval": "100ms"})
    await world.until(lambda: world.status().get("services", [{}])[0].get("reason") == "TargetNotFound")
    service(world)
    assert (await world.until_done())["verdict"] == "Passed"


async def test_one_that_does_not_come_is_named(world: World) -> None:
    using(world, ready={"interval": "100ms", "timeout": "400ms"})
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "TargetNotFound")
    assert "there is no Service payments in namespace shop" in status["message"]


async def test_one_without_ready_endpoints_is_named(world: World) -> None:
    service(world)
    ready = {"endpoints": [{"conditions": {"ready": False}}]}
    world.server.change("endpointslices", "payments-x", "shop", lambda body: body.update(ready))
    using(world, ready={"interval": "100ms", "timeout": "2s"})
    assert (await world.until_done())["reason"] == "NoEndpoints"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"type": "ExternalName", "externalName": "metadata.internal", "clusterIP": None}, "ExternalName"),
        ({"clusterIP": "None"}, "headless"),
        ({"clusterIP": ""}, "headless"),
        ({"selector": None}, "no selector"),
    ],
)
async def test_one_that_could_lead_anywhere_is_refused(world: World, spec: Object, said: str) -> None:
    service(world, **spec)
    using(world)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "TargetNotAllowed")
    assert said in status["message"]
    assert world.app.requests == []


@pytest.mark.parametrize(
    ("ports", "entry"),
    [
        ([{"name": "a", "port": 1}, {"name": "b", "port": 2}], {}),
        ([{"name": "dns", "port": 53, "protocol": "UDP"}], {}),
    ],
)
async def test_a_port_that_cannot_be_told_is_an_error(world: World, ports: list[Object], entry: Object) -> None:
    service(world, ports=ports)
    using(world, ready={"http": {}}, **entry)
    assert (await world.until_done())["reason"] == "TargetPortNotFound"


async def test_a_port_may_be_named_by_its_number(world: World) -> None:
    service(world, ports=[{"port": 1}, {"port": world.app.port}])
    using(world, ports=[{"name": "http", "port": world.app.port}], ready={"http": {"path": "/healthz"}})
    assert (await world.until_done())["verdict"] == "Passed"


async def test_another_namespace_only_where_the_platform_team_allows_it(world: World) -> None:
    elsewhere = {"service": "payments", "namespace": "money"}
    service(world, "money")
    using(world, existing=elsewhere)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "TargetNotAllowed")
    assert "allowedTargets" in status["message"]
    assert not [path for _, path in world.server.requests if "/namespaces/money/" in path], "it was not even read"

    world.kill()
    allowed = AllowedTarget(("shop",), "money", ("payments",))
    world.settings = replace(world.settings, allowed_targets=(allowed,))
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(run="again"))
    world.start()
    await world.until(lambda: world.status()["run"]["id"] == "2")
    assert (await world.until_done())["verdict"] == "Passed"


async def test_load_and_jobs_reach_it_from_an_environment_of_their_own(world: World) -> None:
    service(world)
    jobs: list[Object] = []
    world.server.cluster.job = lambda server, body: jobs.append(body)
    profile = {"users": 1, "duration": "1s"}
    using(world, {"name": "peak", "load": {"target": {"service": "web"}, "profile": profile}})
    await world.until(lambda: jobs)
    env = {entry["name"]: entry.get("value") for entry in jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["SEATRIAL_TARGET"] == f"payments.shop:{world.app.port}"
    (policy,) = world.server.all("networkpolicies")
    assert policy["spec"]["egress"][-1]["to"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
            "podSelector": {"matchLabels": {"app": "payments"}},
        }
    ]
    assert world.server.all("deployments") == []
    world.kill()


def refusing(quota: str) -> Callable[[Any, Object], None]:
    """What the cluster does with a Job for whose pods a quota has no room."""

    def refuse(server: Any, job: Object) -> None:
        message = f'Error creating: pods "x" is forbidden: exceeded quota: {quota}, requested: pods=1, used: pods=9'
        event = {
            "metadata": {"name": "e"},
            "involvedObject": {"uid": job["metadata"]["uid"]},
            "reason": "FailedCreate",
            "message": message,
        }
        server.put("events", event, job["metadata"]["namespace"])

    return refuse


async def test_a_job_whose_pods_are_refused_names_the_cause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.engine.pod_refusals.READ_AFTER", (0.1, 0.5))
    world.server.cluster.job = refusing("seatrial")
    service(world)
    using(world, {"name": "work", "job": {"image": "i"}, "timeout": "3s"})
    await world.until(lambda: "exceeded quota" in world.step("work").get("message", ""), "the cause is shown")
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "PodsRefused")
    assert "exceeded quota" in status["message"]


async def test_a_job_whose_pods_wait_for_a_quota_has_its_time_afterwards_whoever_runs_the_operator(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.engine.pod_refusals.READ_AFTER", (0.1, 0.5))
    world.server.cluster.job = refusing("team")
    service(world)
    using(world, {"name": "work", "job": {"image": "i"}, "timeout": "1s"})
    await world.until(lambda: world.step("work").get("reason") == "QuotaExceeded", "it waits")
    assert "exceeded quota: team" in world.step("work")["message"]
    world.kill()
    # Meanwhile Kubernetes has ended the Job by its own time limit, and somebody has taken it away.
    (job,) = world.server.all("jobs")
    world.server.delete("jobs", job["metadata"]["name"], job["metadata"]["namespace"])
    world.server.cluster.job = ApiServer.end_job
    await asyncio.sleep(1.1)
    world.start()
    assert (await world.until_done())["verdict"] == "Passed"


def test_what_is_allowed_is_read_from_the_charts_value() -> None:
    (entry,) = AllowedTarget.parse('[{"namespaces": ["a", "b"], "namespace": "money", "services": ["*"]}]')
    assert entry.allows("a", "money", "anything")
    assert not entry.allows("c", "money", "anything")
    assert not entry.allows("a", "vault", "anything")
    assert AllowedTarget(("*",), "money", ("pay",)).allows("c", "money", "pay")
    assert not AllowedTarget(("*",), "money", ("pay",)).allows("c", "money", "ledger")
    for wrong in ("{", "{}x", '[{"namespaces": []}]', "[1]", "1"):
        with pytest.raises(InvalidSettings, match="SEATRIAL_ALLOWED_TARGETS"):
            AllowedTarget.parse(wrong)
