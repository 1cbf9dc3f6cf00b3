"""Environments with storage, files, copies, init commands, services that complete, and their ordered end."""

import json
import logging
from typing import Any

import pytest

from seatrial.api import names
from seatrial.engine.settings import Settings
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.world import World

pytestmark = pytest.mark.anyio

GET: Object = {"name": "look", "http": {"service": "web"}}
PASSWORD = "c3dvcmRmaXNo"


def with_inputs(world: World, **more: Any) -> Object:
    world.server.put(
        "secrets",
        {"metadata": {"name": "db", "annotations": {"last": PASSWORD}}, "data": {"password": PASSWORD}},
        "shop",
    )
    world.server.put("configmaps", {"metadata": {"name": "flags"}, "data": {"cart": "new"}}, "shop")
    world.server.put("secrets", {"metadata": {"name": "registry"}, "type": "x", "data": {"a": "eA=="}}, "shop")
    env = [{"name": "PASSWORD", "secret": {"name": "db", "key": "password"}}]
    environment = {
        "services": [world.service(env=env)],
        "secrets": ["db"],
        "configMaps": ["flags"],
        "imagePullSecrets": ["registry"],
    }
    return world.scenario(GET, environment=environment | more)


def made(world: World, what: str) -> list[str]:
    return [write.name for write in world.server.writes if (write.verb, write.what) == ("create", what)]


async def test_copies_are_there_before_services_start_and_go_with_the_environment(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[Object] = []

    def start(server: ApiServer, body: Object) -> None:
        seen.extend(
            body
            for plural in ("secrets", "configmaps")
            for body in server.all(plural)
            if names.OWNER_UID in body["metadata"].get("labels", {})
        )
        seen.append(body)
        server.run_pods(body)

    world.server.cluster.deployment = start
    with_inputs(world)
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    db, registry, flags, deployment = seen
    assert (db["data"], registry["type"], flags["data"]) == ({"password": PASSWORD}, "x", {"cart": "new"})
    assert db["metadata"]["annotations"].keys() == {names.OWNER}
    assert db["metadata"]["namespace"] == status["run"]["namespace"]
    pods = deployment["spec"]["template"]["spec"]
    assert pods["imagePullSecrets"] == [{"name": "registry"}]
    assert world.left() == []
    assert len(world.server.all("secrets")) == 2  # the user's own
    # What is in them is nowhere else.
    told = [body for plural in ("testscenarios", "events", "namespaces") for body in world.server.all(plural)]
    kept = [body for _, plural, _, body in world.server.history if plural != "secrets"]
    assert PASSWORD not in json.dumps([*told, *kept])
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("field", "kind", "reason"),
    [
        ("secrets", "Secret", "SecretNotFound"),
        ("imagePullSecrets", "Secret", "SecretNotFound"),
        ("configMaps", "ConfigMap", "ConfigMapNotFound"),
    ],
)
async def test_what_is_missing_is_named(world: World, field: str, kind: str, reason: str) -> None:
    world.scenario(GET, environment={"services": [world.service()], field: ["absent"]})
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", reason)
    assert status["message"].startswith(f"there is no {kind} absent in namespace shop")
    assert made(world, "deployments") == []
    assert world.left() == []


async def test_tokens_of_service_accounts_are_not_copied(world: World) -> None:
    token = {"metadata": {"name": "token"}, "type": "kubernetes.io/service-account-token", "data": {"token": PASSWORD}}
    world.server.put("secrets", token, "shop")
    world.scenario(GET, environment={"services": [world.service()], "secrets": ["token"]})
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "SecretRefused")
    assert "token of a service account" in status["message"]
    assert made(world, "secrets") == []


async def test_without_the_right_to_read_the_remedy_is_named(world: World) -> None:
    world.server.faults.append(Fault("GET", "/secrets/db", status=403, reason="Forbidden", times=9))
    with_inputs(world)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "CopyingForbidden")
    assert "add the namespace to copying.namespaces" in status["message"]


async def test_an_installation_that_copies_nothing_says_so(world: World) -> None:
    world.controller._performer._inputs._settings = Settings(copying=False)
    with_inputs(world)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "CopyingDisabled")
    assert "copying.enabled" in status["message"]
    assert not [path for method, path in world.server.requests if method == "GET" and "/secrets/" in path]


@pytest.mark.parametrize("what", ["secrets", "configmaps", "deployments"])
async def test_an_operator_that_is_killed_after_a_copy_adopts_it(world: World, what: str) -> None:
    world.server.faults.append(Fault("POST", f"/namespaces/trial-[^/]*/{what}", stored=True))
    with_inputs(world)
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert made(world, "secrets").count("db") == 2
    # Nobody needs the right to read Secrets in environments.
    assert not [
        path for method, path in world.server.requests if method == "GET" and "/trial-" in path and "secrets" in path
    ]


async def test_a_service_with_storage_is_a_stateful_set(world: World) -> None:
    storage = {"path": "/data", "size": "1Gi"}
    files = [{"path": "/etc/web.conf", "content": "a=${b}"}]
    world.scenario(GET, services=[world.service(storage=storage, files=files)])
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert made(world, "statefulsets") == ["web"]
    assert made(world, "services") == ["web", "web-pods"]
    assert [name for name in made(world, "configmaps") if "report" not in name] == ["seatrial-service-web"]
    deleted = [write.what for write in world.server.writes if write.verb == "delete"]
    assert deleted == ["statefulsets", "namespaces"]
    assert world.left() == []


async def test_a_service_that_completes_comes_before_those_that_wait_for_it(world: World) -> None:
    migrate = {"name": "migrate", "image": "m:1", "completes": True}
    depends = [{"service": "migrate", "condition": "Completed"}]
    # A step of the same name has a Job and an exit code of its own.
    step = {"name": "migrate", "job": {"image": "m:2"}}
    world.scenario(GET, step, services=[migrate, world.service(dependsOn=depends)])
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert made(world, "jobs") == ["service-migrate", "step-migrate"]
    states = {service["name"]: service["state"] for service in status["services"]}
    assert states == {"migrate": "Completed", "web": "Healthy"}
    order = [write.name for write in world.server.writes if write.what in {"jobs", "deployments"}]
    assert order[:2] == ["service-migrate", "web"]
    assert world.left() == []


async def test_a_service_that_ends_badly_ends_the_run(world: World) -> None:
    world.server.cluster.job = lambda server, body: server.end_job(body, 3)
    world.scenario(GET, services=[{"name": "migrate", "image": "m:1", "completes": True}, world.service()])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "ExitCode")
    assert status["message"] == "service migrate: exit code 3"
    assert world.left() == []


async def test_files_of_jobs_are_rendered_and_there_before_the_pod(world: World) -> None:
    contents: list[dict[str, str]] = []

    def job(server: ApiServer, body: Object) -> None:
        (volume,) = body["spec"]["template"]["spec"]["volumes"]
        found = server.get("configmaps", volume["configMap"]["name"], body["metadata"]["namespace"])
        contents.append((found or {})["data"])
        server.end_job(body)

    world.server.cluster.job = job
    files = [{"path": "/run.sh", "content": "echo ${captures.orderId} $${HOME}"}]
    world.scenario(
        GET | {"capture": {"orderId": "response.json.id"}},
        {"name": "check", "needs": [{"step": "look"}], "job": {"image": "c:1", "files": files}},
    )
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert contents == [{"file-0": "echo 7 ${HOME}"}]


async def test_services_go_in_reverse_and_the_namespace_with_the_last(world: World) -> None:
    def named(name: str, *needs: str) -> Object:
        return world.service(name, dependsOn=[{"service": need} for need in needs])

    world.scenario(GET, services=[named("db"), named("cache"), named("api", "db"), named("web", "api", "cache")])
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    deleted = [write.name for write in world.server.writes if write.verb == "delete"]
    assert deleted[0] == "web"
    assert set(deleted[1:3]) == {"api", "cache"}
    assert deleted[3] == "db"
    assert deleted[4].startswith("trial-")
    assert len(deleted) == 5
    assert world.left() == []


async def test_an_operator_that_is_killed_between_levels_goes_on_with_the_next(world: World) -> None:
    world.scenario(GET, services=[world.service("db"), world.service("web", dependsOn=[{"service": "db"}])])
    world.server.faults.append(Fault("DELETE", "/deployments/db", status=500, times=1))
    await world.until(lambda: any(write.verb == "delete" for write in world.server.writes))
    world.kill()
    world.start()
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert [write.name for write in world.server.writes if write.verb == "delete"][:2] == ["web", "db"]
    assert world.left() == []
