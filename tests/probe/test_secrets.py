"""Secret captures: kept for later steps, and in no message, whatever goes wrong."""

import json
from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.probe.check import run_check
from seatrial.probe.exchange import Exchanger
from seatrial.sandbox.evaluator import Evaluator
from tests.probe.server import Connection, Script, closed_port, serving

pytestmark = pytest.mark.anyio

TOKEN = 's3c/ret "ü" %7'
CONTEXT = {"run.id": "1", "captures.token": TOKEN}


def step(http: dict[str, Any] | None = None, **more: Any) -> Step:
    return Step.model_validate({"name": "login", "http": {"service": "web"} | (http or {})} | more)


def answers(body: Any, **headers: str) -> Script:
    async def script(connection: Connection) -> None:
        await connection.answer(200, json.dumps(body).encode(), **headers)

    return script


async def run(
    exchanger: Exchanger, evaluator: Evaluator, script: Script, what: Step, *, known: bool = False
) -> Outcome:
    async with serving(script) as service:
        context = CONTEXT if known else {"run.id": "1"}
        return await run_check(
            exchanger, [service.address], what, context, evaluator, secrets=["token"] if known else []
        )


async def test_a_secret_is_kept_apart_from_what_is_shown(exchanger: Exchanger, evaluator: Evaluator) -> None:
    what = step(captureSecret={"token": "response.json.token"}, capture={"user": "response.json.user"})
    found = await run(exchanger, evaluator, answers({"token": TOKEN, "user": "ann"}), what)
    assert found.state is StepState.SUCCEEDED
    assert (found.captures, found.secrets) == ({"user": "ann"}, {"token": TOKEN})
    assert TOKEN not in repr(found)


@pytest.mark.parametrize("value", [7, None, True, ["abcd"], {"a": "abcd"}, "", "abc", "x" * 4097, "ü" * 2049])
async def test_only_text_of_some_length_can_be_a_secret(exchanger: Exchanger, evaluator: Evaluator, value: Any) -> None:
    found = await run(
        exchanger, evaluator, answers({"token": value}), step(captureSecret={"token": "response.json.token"})
    )
    assert (found.state, found.reason, found.secrets) == (StepState.ERROR, "SecretUnusable", {})
    assert found.message == "token is no text of 4 to 4096 bytes: capture the part that is, or use string(…)"


async def test_a_secret_without_a_value_fails(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await run(exchanger, evaluator, answers({}), step(captureSecret={"token": "response.json.token"}))
    assert (found.state, found.reason) == (StepState.FAILED, "CaptureFailed")


@pytest.mark.parametrize(
    "expect",
    [
        "response.json.ok",
        "response.text == ''",
        "response.headers['x-token'] == ''",
        "response.json.token == 'other'",
        "int(response.json.token) == 1",
    ],
)
async def test_an_answer_with_a_secret_is_not_shown_when_an_expectation_fails(
    exchanger: Exchanger, evaluator: Evaluator, expect: str
) -> None:
    what = step(captureSecret={"token": "response.json.token"}, expect=[expect])
    found = await run(
        exchanger, evaluator, answers({"token": "t0ken-abc", "other": "x" * 99}, x_token="t0ken-abc"), what
    )
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")
    assert "t0ken" not in found.message
    # Nor is one that the expression would have found elsewhere.
    found = await run(exchanger, evaluator, answers({"data": {"token": "t0ken-abc"}}, x_token="t0ken-abc"), what)
    assert "t0ken" not in found.message


@pytest.mark.parametrize(
    "spoiled",
    [
        step(expect=["captures.token == 'other'"]),
        step(expect=["response.json.echo == 'other'"]),
        step(expect=["response.text.startsWith('no')"]),
        step(expect=["int(captures.token) == 1"]),
        step({"path": "/a?q=${int(captures.token)}"}),
        step({"path": "/${captures.token}", "headers": [{"name": "X", "value": "${captures.token}\0"}]}),
    ],
)
async def test_no_message_of_a_later_step_shows_a_secret(
    exchanger: Exchanger, evaluator: Evaluator, spoiled: Step
) -> None:
    found = await run(exchanger, evaluator, answers({"echo": "x" * 90 + TOKEN + "y" * 90}), spoiled, known=True)
    assert found.state in {StepState.FAILED, StepState.ERROR}
    for part in ("s3c", "ret ", "ü"):
        assert part not in found.message


async def test_a_request_that_is_not_answered_does_not_show_its_path(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    what = step({"path": "/orders?token=${captures.token}"})
    found = await run_check(exchanger, [closed_port()], what, CONTEXT, evaluator, secrets=["token"])
    assert found.reason == "NoAnswer"
    assert found.message.startswith("GET /orders?token=•••: ")


@pytest.mark.parametrize("expression", ["response.json", "response.text", "response.json.list[0]"])
async def test_a_capture_that_would_show_a_secret_is_an_error(
    exchanger: Exchanger, evaluator: Evaluator, expression: str
) -> None:
    found = await run(
        exchanger, evaluator, answers({"list": [f"Bearer {TOKEN}"]}), step(capture={"all": expression}), known=True
    )
    assert (found.state, found.reason, found.captures) == (StepState.ERROR, "SecretExposed", {})
    assert "captureSecret" in found.message
    own = step(capture={"all": expression}, captureSecret={"token": "response.json.list[0]"})
    assert (await run(exchanger, evaluator, answers({"list": [TOKEN]}), own)).reason == "SecretExposed"


async def test_a_secret_goes_where_the_step_says(exchanger: Exchanger, evaluator: Evaluator) -> None:
    what = step(
        {
            "method": "POST",
            "path": "/${captures.token}",
            "headers": [{"name": "Authorization", "value": "Bearer ${captures.token}"}],
            "form": {"token": "${captures.token}", "run": "${run.id}", "a b": "c&d=é"},
        },
        expect=["response.json.echo == captures.token"],
    )
    async with serving(answers({"echo": TOKEN})) as service:
        found = await run_check(exchanger, [service.address], what, CONTEXT, evaluator, secrets=["token"])
    assert found.state is StepState.SUCCEEDED
    (seen,) = service.connections
    assert (seen.header("authorization") or "").encode("latin-1").decode() == f"Bearer {TOKEN}"
    assert seen.header("content-type") == "application/x-www-form-urlencoded"
    assert seen.body == b"token=s3c%2Fret+%22%C3%BC%22+%257&run=1&a+b=c%26d%3D%C3%A9"
