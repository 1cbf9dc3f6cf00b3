"""Assertions: several services asked at once, their answers judged together."""

import asyncio
import json
from contextlib import AsyncExitStack
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

CONTEXT = {"run.id": "1", "captures.id": "a/b", "matrix.region": "eu"}
TWO = [{"name": "orders", "service": "web"}, {"name": "stock", "service": "web"}]


def assertion(*expect: str, reads: list[dict[str, Any]] | None = None, **more: Any) -> Step:
    return Step.model_validate({"name": "agree", "assert": {"reads": reads or []}, "expect": list(expect)} | more)


def answers(body: Any = None, status: int = 200) -> Script:
    async def script(connection: Connection) -> None:
        await connection.answer(status, json.dumps(body).encode())

    return script


async def outcome(
    exchanger: Exchanger, evaluator: Evaluator, step: Step, *scripts: Script
) -> tuple[Outcome, list[list[str]]]:
    """The outcome, and what each service was asked."""
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(serving(script)) for script in scripts]
        found = await run_check(exchanger, [service.address for service in services], step, CONTEXT, evaluator)
        return found, [[connection.line for connection in service.connections] for service in services]


async def test_answers_of_several_services_are_judged_together(exchanger: Exchanger, evaluator: Evaluator) -> None:
    step = assertion(
        "answers.orders.json.sold == answers.stock.json.reserved",
        "answers.orders.status == 200 && answers.stock.headers['content-length'] == '15'",
        reads=TWO,
        capture={"sold": "answers.orders.json.sold"},
    )
    found, _ = await outcome(exchanger, evaluator, step, answers({"sold": 2}), answers({"reserved": 2}))
    assert found == Outcome(StepState.SUCCEEDED, "ExpectationsMet", "2 answers, as expected", {"sold": 2})


async def test_what_does_not_hold_is_told_with_the_values_that_were_seen(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    expectation = "answers.orders.json.sold == answers.stock.json.reserved"
    step = assertion(expectation, reads=TWO)
    found, _ = await outcome(exchanger, evaluator, step, answers({"sold": 2}), answers({"reserved": 1}))
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")
    assert found.message == (
        f'{expectation} is false: answers.orders.json = {{"sold": 2}}, answers.stock.json = {{"reserved": 1}}'
    )


async def test_values_that_are_told_are_bounded(exchanger: Exchanger, evaluator: Evaluator) -> None:
    step = assertion("answers.orders.text == ''", reads=TWO[:1])
    found, _ = await outcome(exchanger, evaluator, step, answers("x" * 5000))
    assert len(found.message) < 250


async def test_requests_of_a_round_are_under_way_at_the_same_time(exchanger: Exchanger, evaluator: Evaluator) -> None:
    both = asyncio.Barrier(2)

    async def script(connection: Connection) -> None:
        await both.wait()  # each answers only once the other one has been asked
        await connection.answer(200)

    found, _ = await outcome(exchanger, evaluator, assertion("true", reads=TWO), script, script)
    assert found.state is StepState.SUCCEEDED


async def test_values_are_put_where_they_belong(exchanger: Exchanger, evaluator: Evaluator) -> None:
    header = {"name": "x-region", "value": "${matrix.region}"}
    read = {"name": "one", "service": "web", "method": "OPTIONS", "path": "/${captures.id}", "headers": [header]}

    async def script(connection: Connection) -> None:
        assert connection.header("x-region") == "eu"
        await connection.answer(204)

    found, asked = await outcome(exchanger, evaluator, assertion("answers.one.status == 204", reads=[read]), script)
    assert found.state is StepState.SUCCEEDED
    assert asked == [["OPTIONS /a%2Fb HTTP/1.1"]]


async def test_an_assertion_about_captures_alone_asks_nobody(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found, _ = await outcome(exchanger, evaluator, assertion("captures.id == 'a/b' && matrix.region == 'eu'"))
    assert (found.state, found.message) == (StepState.SUCCEEDED, "0 answers, as expected")


async def test_a_service_that_does_not_answer_fails_the_assertion_and_is_named(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    step = assertion("true", reads=TWO)
    async with serving(answers()) as service:
        found = await run_check(exchanger, [service.address, closed_port()], step, CONTEXT, evaluator)
    assert (found.state, found.reason) == (StepState.FAILED, "NoAnswer")
    assert found.message.startswith("stock, web: GET /: ")


async def test_a_body_that_is_not_json_is_told(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def script(connection: Connection) -> None:
        await connection.answer(200, b"<html>")

    found, _ = await outcome(exchanger, evaluator, assertion("answers.orders.json.a == 1", reads=TWO[:1]), script)
    assert (found.state, found.message) == (
        StepState.FAILED,
        "answers.orders.json.a == 1: the body of answers.orders is not JSON",
    )


@pytest.mark.parametrize(
    ("expression", "state", "reason"),
    [
        ("answers.orders.json.missing", StepState.FAILED, "CaptureFailed"),
        ("answers.orders.text", StepState.ERROR, "CaptureTooLarge"),
    ],
)
async def test_a_capture_without_a_value_or_too_large(
    exchanger: Exchanger, evaluator: Evaluator, expression: str, state: StepState, reason: str
) -> None:
    step = assertion("true", reads=TWO[:1], capture={"a": expression})
    found, _ = await outcome(exchanger, evaluator, step, answers({"a": "x" * 600}))
    assert (found.state, found.reason) == (state, reason)


async def test_a_template_without_a_value_is_an_error(exchanger: Exchanger, evaluator: Evaluator) -> None:
    read = {"name": "one", "service": "web", "path": "/${captures.id.missing}"}
    found, asked = await outcome(exchanger, evaluator, assertion("true", reads=[read]), answers())
    assert (found.state, found.reason, asked) == (StepState.ERROR, "TemplateFailed", [[]])


async def test_rounds_are_repeated_until_all_holds(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def late(connection: Connection) -> None:
        await connection.answer(200, json.dumps({"reserved": connection.number}).encode())

    step = assertion("answers.stock.json.reserved == 2", reads=TWO, eventually={"timeout": "5s"})
    found, asked = await outcome(exchanger, evaluator, step, answers(), late)
    assert found.state is StepState.SUCCEEDED
    assert [len(lines) for lines in asked] == [3, 3]


async def test_rounds_end_with_what_was_seen_last(exchanger: Exchanger, evaluator: Evaluator) -> None:
    step = assertion("answers.orders.status == 201", reads=TWO[:1], eventually={"timeout": "60ms"})
    found, _ = await outcome(exchanger, evaluator, step, answers())
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")
    assert found.message == "not within 0.06s: answers.orders.status == 201 is false: answers.orders.status = 200"
