"""Secret captures through whole runs: used where they are wanted, found nowhere else, and lost by no restart."""

import base64
import json
import logging
from typing import Any

import pytest
from aiohttp import web

from seatrial.build.secret import values_of
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.scenarios import never
from tests.engine.world import World

pytestmark = pytest.mark.anyio

#: The services' own log, and what the operator's process mutes at any level.
MUTED = ("aiohttp.access", "httpx", "httpcore")
TOKEN = 'sec/ret "τ" 7'
LOGIN: Object = {
    "name": "login",
    "http": {"service": "web", "path": "/login"},
    "captureSecret": {"token": "response.json.token"},
    "capture": {"user": "response.json.user"},
}
USE: Object = {
    "name": "use",
    "needs": [{"step": "login"}],
    "http": {
        "service": "web",
        "path": "/orders?token=${captures.token}",
        "headers": [{"name": "Authorization", "value": "Bearer ${captures.token}"}],
    },
    "expect": ["response.json.echo == captures.token"],
}
JOB: Object = {
    "name": "work",
    "needs": [{"step": "login"}],
    "job": {
        "image": "work:1",
        "env": [{"name": "TOKEN", "value": "Bearer ${captures.token}"}, {"name": "WHO", "value": "${captures.user}"}],
    },
}


async def answer(request: web.Request) -> web.StreamResponse:
    if request.path == "/login":
        return web.json_response({"token": TOKEN, "user": "ann"})
    return web.json_response({"echo": request.query.get("token")})


async def denying(request: web.Request) -> web.StreamResponse:
    return await answer(request) if request.path == "/login" else web.json_response({"echo": f"no {TOKEN}"})


def shown(world: World, caplog: pytest.LogCaptureFixture) -> str:
    """All that anybody could have read who may not read Secrets: every version of every object, and the log."""
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith(MUTED)]
    objects = [body for _, plural, _, body in world.server.history if plural != "secrets"]
    return json.dumps(objects, ensure_ascii=False) + "\n".join(logged)


def found(text: str) -> list[str]:
    """Where a trace of the secret is, with what is around it."""
    forms = (TOKEN, "sec/ret", "sec%2Fret", base64.b64encode(TOKEN.encode()).decode(), "τ", "\\u03c4")
    places = [text.find(form) for form in forms]
    return [text[max(0, place - 200) : place + 50] for place in places if place >= 0]


async def test_a_secret_is_used_and_found_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets: dict[str, Object] = {}
    jobs: list[Object] = []

    def job(server: ApiServer, body: Object) -> None:
        jobs.append(body)
        secrets.update({secret["metadata"]["name"]: secret for secret in server.all("secrets")})
        server.end_job(body)

    world.server.cluster.job = job
    world.app.answer = answer
    world.scenario(LOGIN, USE, JOB)
    status = await world.until_done()
    assert (status["verdict"], status["progress"]) == ("Passed", "3/3")
    assert world.step("login")["captures"] == {"user": "ann"}
    assert found(shown(world, caplog)) == []
    (container,) = jobs[0]["spec"]["template"]["spec"]["containers"]
    reference = {"secretKeyRef": {"name": "seatrial-env-work", "key": "TOKEN"}}
    assert container["env"] == [{"name": "TOKEN", "valueFrom": reference}, {"name": "WHO", "value": "ann"}]
    values = {name: values_of(secret) for name, secret in secrets.items()}
    assert values == {"seatrial-captured-login": {"token": TOKEN}, "seatrial-env-work": {"TOKEN": f"Bearer {TOKEN}"}}
    assert world.left() == []


async def test_no_message_of_a_failing_run_shows_a_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.app.answer = denying
    world.scenario(LOGIN, USE)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Failed", "ExpectationFailed")
    assert "•••" in status["message"]
    assert found(shown(world, caplog)) == []


async def test_a_restart_loses_no_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.app.answer = answer
    world.server.cluster.job = lambda server, body: None  # the Job goes on over the restart
    world.scenario(LOGIN, JOB, USE | {"needs": [{"step": "work"}]})
    await world.until(lambda: world.step("work").get("state") == "Running" and world.server.all("jobs"))
    world.kill()
    world.start()
    world.server.end_job(world.server.all("jobs")[0])
    status = await world.until_done()
    assert (status["verdict"], status["progress"]) == ("Passed", "3/3")
    assert found(shown(world, caplog)) == []


@pytest.mark.parametrize("spoil", ["deleted", "emptied", "another's"])
@pytest.mark.parametrize("kind", ["http", "job"])
async def test_a_secret_that_is_not_there_after_a_restart_is_an_error(world: World, spoil: str, kind: str) -> None:
    world.app.answer = answer
    world.server.cluster.job = lambda server, body: None
    last = (USE if kind == "http" else JOB) | {"name": "last", "needs": [{"step": "login"}, {"step": "hold"}]}
    world.scenario(LOGIN, {"name": "hold", "needs": [{"step": "login"}], "job": {"image": "hold:1"}}, last)
    await world.until(lambda: world.step("hold").get("state") == "Running" and world.server.all("jobs"))
    world.kill()
    namespace = world.status()["run"]["namespace"]
    changes: dict[str, Any] = {
        "emptied": lambda body: body.update(data={}),
        "another's": lambda body: body["metadata"].update(labels={}),
    }
    if spoil == "deleted":
        world.server.delete("secrets", "seatrial-captured-login", namespace)
    else:
        world.server.change("secrets", "seatrial-captured-login", namespace, changes[spoil])
    world.start()
    world.server.end_job(world.server.all("jobs")[0])
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "SecretLost" if kind == "http" else "Refused")
    assert "captures.token is not on record any more" in status["message"]
    assert world.app.requests == ["GET /login"]


async def test_the_secret_is_written_before_the_outcome_counts_and_again_after_a_restart(world: World) -> None:
    """The Secret is there, status does not know: the request is sent again, and its newer answer counts."""
    tokens = iter(["first-token", "second-token"])

    async def counting(request: web.Request) -> web.StreamResponse:
        if request.path == "/login":
            return web.json_response({"token": next(tokens), "user": "ann"})
        return await answer(request)

    world.app.answer = counting
    world.scenario(LOGIN, USE)
    await world.until(lambda: world.server.all("secrets"))
    world.kill()
    stored = world.server.objects["testscenarios", "shop", "checkout"]
    running = {"name": "login", "state": "Running", "startedAt": stored["status"]["run"]["startedAt"]}
    stored["status"]["steps"] = [running, {"name": "use", "state": "Pending"}]
    stored["status"] |= {"phase": "Running"}
    stored["status"].pop("verdict", None)
    world.start()
    status = await world.until_done()
    assert status["verdict"] == "Passed"
    assert "GET /orders?token=second-token" in world.app.requests


async def test_a_secret_that_cannot_be_kept_is_an_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.app.answer = answer
    world.server.faults = [Fault("POST", "/secrets$", status=403, times=1000, reason="Forbidden")]
    world.scenario(LOGIN, USE)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "SecretNotKept")
    assert world.step("use")["state"] == "Skipped"
    assert found(shown(world, caplog)) == []


async def test_a_bad_moment_of_the_api_server_loses_no_secret(world: World) -> None:
    world.app.answer = answer
    world.server.faults = [Fault("POST", "/secrets$", status=500), Fault("POST", "/secrets$", stored=True)]
    world.scenario(LOGIN, USE)
    assert (await world.until_done())["verdict"] == "Passed"


async def test_somebody_elses_secret_is_left_alone(world: World) -> None:
    world.app.answer = never

    async def held(request: web.Request) -> web.StreamResponse:
        namespace = world.status()["run"]["namespace"]
        theirs = {"metadata": {"name": "seatrial-captured-login"}, "data": {"token": "dGhlaXJz"}}
        world.server.put("secrets", theirs, namespace)
        return await answer(request)

    world.app.answer = held
    world.scenario(LOGIN)
    status = await world.until_done()
    assert (status["verdict"], status["reason"]) == ("Error", "SecretNotKept")
