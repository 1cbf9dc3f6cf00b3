"""Expressions that take too much, in every place where a scenario has one: the step ends, and the rest goes on."""

import pytest

from tests.engine.api_server import Object
from tests.engine.scenarios import GET, POST
from tests.engine.world import World
from tests.sandbox.material import DOUBLED

pytestmark = pytest.mark.anyio

TEMPLATE = "${" + DOUBLED.removesuffix(".size() == 1") + "[0]}"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (POST | {"expect": [DOUBLED]}, "expect[0]: "),
        (POST | {"capture": {"a": DOUBLED}}, "capture.a: "),
        (POST | {"http": {"service": "web", "method": "POST", "text": TEMPLATE}}, "http.text: "),
        (POST | {"when": DOUBLED}, "when: "),
        ({"name": "order", "job": {"image": "i", "args": [TEMPLATE]}}, "job.args[0]: "),
        ({"name": "order", "assert": {}, "expect": [DOUBLED]}, "expect[0]: "),
    ],
)
async def test_the_step_is_an_error_and_says_where(world: World, step: Object, message: str) -> None:
    world.scenario(step, GET | {"when": "run.id != ''"})
    status = await world.until_done()
    assert status["verdict"] == "Error"
    assert world.step("order")["reason"] == "ExpressionTooLarge"
    assert world.step("order")["message"].startswith(message)
    assert world.step(GET["name"])["state"] == "Succeeded"


async def test_a_probe_that_takes_too_much_keeps_its_service_from_being_healthy(world: World) -> None:
    probe = {"http": {"path": "/healthz", "expect": [DOUBLED]}}
    world.scenario(GET, services=[world.service(ready=probe)])
    await world.until(lambda: "ExpressionTooLarge: expect[0]: " in str(world.status().get("services")))
    assert world.status()["services"][0]["state"] == "Started"
