"""HTTP steps, from their template to their outcome."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.cel import template_scope
from seatrial.api.http_request import HttpRequest
from seatrial.api.outcome import Outcome
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.judge.request import render_request
from seatrial.probe import exchange
from seatrial.probe.check import run_check
from seatrial.probe.exchange import Exchanger
from seatrial.sandbox.evaluator import Evaluator
from tests.probe.server import Connection, Script, closed_port, serving

pytestmark = pytest.mark.anyio

CONTEXT = {"run.id": "1", "captures.id": "a/b?c&d=é \r\nX-Evil: 1", "captures.count": 7, "captures.list": [1, "x"]}


def step(expect: list[str] | None = None, capture: dict[str, str] | None = None, **http: Any) -> Step:
    eventually = http.pop("eventually", None)
    fields: dict[str, Any] = {"name": "look", "http": {"service": "web"} | http}
    fields |= {"expect": expect or [], "capture": capture or {}} | ({"eventually": eventually} if eventually else {})
    return Step.model_validate(fields)


def answers(body: Any = None, status: int = 200, raw: bytes | None = None, **headers: str) -> Script:
    async def script(connection: Connection) -> None:
        await connection.answer(status, json.dumps(body).encode() if raw is None else raw, **headers)

    return script


async def outcome(exchanger: Exchanger, evaluator: Evaluator, script: Script, what: Step) -> Outcome:
    async with serving(script) as service:
        return await run_check(exchanger, [service.address], what, CONTEXT, evaluator)


# ---------------------------------------------------------------------- requests


async def test_values_are_put_where_they_belong(exchanger: Exchanger, evaluator: Evaluator) -> None:
    what = step(
        method="POST",
        path="/orders/${captures.id}?q=${captures.id}&n=${captures.count}&$${x}",
        headers=[{"name": "X-Id", "value": "<${captures.id}>"}],
        json={"id": "${captures.id}", "n": "${captures.count}", "all": ["${captures.list}", "n=${captures.count}"]},
    )
    async with serving(answers()) as service:
        assert (await run_check(exchanger, [service.address], what, CONTEXT, evaluator)).state is StepState.SUCCEEDED
    (seen,) = service.connections
    url = urlsplit(seen.line.split(" ")[1])
    assert url.path == "/orders/a%2Fb%3Fc%26d%3D%C3%A9%20%0D%0AX-Evil%3A%201"
    assert parse_qs(url.query)["q"] == [CONTEXT["captures.id"]]
    assert parse_qs(url.query)["n"] == ["7"]
    assert (seen.header("x-id") or "").encode("latin-1").decode() == "<a/b?c&d=é   X-Evil: 1>"
    assert seen.header("x-evil") is None
    assert json.loads(seen.body) == {"id": CONTEXT["captures.id"], "n": 7, "all": [[1, "x"], "n=7"]}
    assert seen.header("content-type") == "application/json"


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_captured_value_stays_one_segment_and_one_line(value: str) -> None:
    http = HttpRequest.model_validate(
        {
            "service": "web",
            "path": "/a/${captures.x}/b?q=${captures.x}",
            "headers": [{"name": "X", "value": "(${captures.x})"}],
        }
    )
    request = render_request(http, template_scope(frozenset({"x"})), {"captures.x": value})
    assert request.path.count("/") == 3
    assert request.path.count("?") == 1
    assert "#" not in request.path
    assert request.path.isascii()
    assert not set("\r\n") & set(request.headers["X"])


async def test_text_bodies(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async with serving(answers()) as service:
        await run_check(
            exchanger, [service.address], step(method="PUT", text="n=${captures.count}"), CONTEXT, evaluator
        )
        own = [{"name": "CONTENT-TYPE", "value": "text/csv"}]
        await run_check(exchanger, [service.address], step(method="PUT", text="a,b", headers=own), CONTEXT, evaluator)
        await run_check(exchanger, [service.address], step(method="PUT", json=[1], headers=own), CONTEXT, evaluator)
    types = [[value for name, value in seen.headers if name == "content-type"] for seen in service.connections]
    assert types == [["text/plain; charset=utf-8"], ["text/csv"], ["text/csv"]]
    assert [seen.body for seen in service.connections] == [b"n=7", b"a,b", b"[1]"]


async def test_a_template_without_a_value_is_an_error_and_sends_nothing(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    async with serving(answers()) as service:
        found = await run_check(exchanger, [service.address], step(path="/${captures.list[9]}"), CONTEXT, evaluator)
    assert (found.state, found.reason) == (StepState.ERROR, "TemplateFailed")
    assert service.connections == []


# ---------------------------------------------------------------------- expectations


@pytest.mark.parametrize(
    ("status", "state"), [(200, "Succeeded"), (204, "Succeeded"), (302, "Failed"), (404, "Failed")]
)
async def test_by_default_the_status_must_be_a_success(
    exchanger: Exchanger, evaluator: Evaluator, status: int, state: str
) -> None:
    found = await outcome(exchanger, evaluator, answers(raw=b"", status=status), step())
    assert found.state == state
    assert str(status) in found.message


async def test_an_expectation_replaces_the_default(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await outcome(exchanger, evaluator, answers({"total": 3}, 404), step(["response.status == 404"]))
    assert (found.state, found.reason) == (StepState.SUCCEEDED, "ExpectationsMet")


async def test_every_expectation_must_hold_and_the_first_that_does_not_is_named(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    what = step(["response.status == 200", "response.json.total > 5", "response.json.total > 9"])
    found = await outcome(exchanger, evaluator, answers({"total": 3}), what)
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")
    assert found.message.startswith("response.json.total > 5 is false: ")
    assert '{"total": 3}' in found.message


async def test_what_is_not_true_does_not_hold(exchanger: Exchanger, evaluator: Evaluator) -> None:
    """A truthy value is no truth: only `true` is."""
    found = await outcome(exchanger, evaluator, answers({"ok": "yes"}), step(["response.json.ok"]))
    assert found.state is StepState.FAILED


async def test_headers_and_captures_can_be_expected(exchanger: Exchanger, evaluator: Evaluator) -> None:
    what = step(["response.headers['x-a'] == 'b'", "captures.count == 7", "run.id == '1'"])
    assert (await outcome(exchanger, evaluator, answers({}, x_a="b"), what)).state is StepState.SUCCEEDED


async def test_a_missing_key_says_so(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await outcome(exchanger, evaluator, answers({"a": 1}, 202), step(["response.json.total > 5"]))
    assert found.state is StepState.FAILED
    assert "total" in found.message
    assert "(status 202)" in found.message


async def test_a_body_that_is_no_json_says_so(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await outcome(exchanger, evaluator, answers(raw=b"<html>"), step(["response.json.total > 5"]))
    assert "the answer's body is not JSON" in found.message


async def test_json_that_is_nested_too_deeply_is_a_failure_and_no_bug(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    deep = b"[" * 900 + b"]" * 900
    found = await outcome(exchanger, evaluator, answers(raw=deep), step(["response.json"]))
    assert found.state is StepState.FAILED
    found = await outcome(exchanger, evaluator, answers(raw=deep), step(capture={"all": "response.json"}))
    assert (found.state, found.reason) == (StepState.FAILED, "CaptureFailed")


@pytest.mark.parametrize("body", [b'{"x": "\\ud800"}', b'{"x": 123456789012345678901234567890}'])
async def test_json_beyond_what_cel_can_hold_is_a_failure_and_no_bug(
    exchanger: Exchanger, evaluator: Evaluator, body: bytes
) -> None:
    found = await outcome(exchanger, evaluator, answers(raw=body), step(["response.json.x == 1"]))
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")


async def test_no_answer_fails_and_a_limit_of_ours_is_an_error(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await run_check(exchanger, [closed_port()], step(), CONTEXT, evaluator)
    assert (found.state, found.reason) == (StepState.FAILED, "NoAnswer")
    monkeypatch.setattr(exchange, "BODY_BYTES", 10)
    found = await outcome(exchanger, evaluator, answers("x" * 20), step())
    assert (found.state, found.reason) == (StepState.ERROR, "ResponseTooLarge")


async def test_messages_are_bounded(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await outcome(exchanger, evaluator, answers("x" * 100_000), step(["response.text == 'y'"]))
    assert len(found.message.encode()) < 400


# ---------------------------------------------------------------------- captures


async def test_captures_keep_their_types(exchanger: Exchanger, evaluator: Evaluator) -> None:
    body = {"id": 7, "name": "é", "tags": ["a"], "none": None, "half": 0.5}
    what = step(capture={name: f"response.json.{name}" for name in body} | {"status": "response.status"})
    found = await outcome(exchanger, evaluator, answers(body), what)
    assert found.captures == body | {"status": 200}


@pytest.mark.parametrize("expression", ["response.json.missing", "0.0 / 0.0", "response.json"])
async def test_a_capture_without_a_value_fails(exchanger: Exchanger, evaluator: Evaluator, expression: str) -> None:
    script = answers(raw=b"<html>") if expression == "response.json" else answers({})
    found = await outcome(exchanger, evaluator, script, step(capture={"x": expression}))
    assert (found.state, found.reason, found.captures) == (StepState.FAILED, "CaptureFailed", {})
    assert found.message.startswith(f"x: {expression}: ")


async def test_a_capture_that_is_too_large_is_an_error(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await outcome(exchanger, evaluator, answers("x" * 510), step(capture={"x": "response.json"}))
    assert found.state is StepState.SUCCEEDED
    found = await outcome(exchanger, evaluator, answers("x" * 511), step(capture={"x": "response.json"}))
    assert (found.state, found.reason, found.captures) == (StepState.ERROR, "CaptureTooLarge", {})


async def test_nothing_is_captured_where_an_expectation_fails(exchanger: Exchanger, evaluator: Evaluator) -> None:
    found = await outcome(exchanger, evaluator, answers({"id": 1}), step(["false"], {"id": "response.json.id"}))
    assert found.captures == {}


# ---------------------------------------------------------------------- eventually


async def test_eventually_repeats_until_it_holds(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def third_time(connection: Connection) -> None:
        await connection.answer(200 if connection.number == 2 else 503, b"{}")

    async with serving(third_time) as service:
        what = step(eventually={"timeout": "30s"})
        found = await run_check(exchanger, [service.address], what, CONTEXT, evaluator)
    assert found.state is StepState.SUCCEEDED
    assert len(service.connections) == 3


async def test_eventually_gets_over_a_service_that_does_not_answer_yet(
    exchanger: Exchanger, evaluator: Evaluator
) -> None:
    async def second_time(connection: Connection) -> None:
        if connection.number:
            await connection.answer()

    found = await outcome(exchanger, evaluator, second_time, step(eventually={"timeout": "30s"}))
    assert found.state is StepState.SUCCEEDED


async def test_eventually_gives_up_with_the_last_reason(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async def count(connection: Connection) -> None:
        await connection.answer(body=str(connection.number).encode())

    async with serving(count) as service:
        what = step(["response.json == -1"], eventually={"timeout": "0.2s"})
        found = await run_check(exchanger, [service.address], what, CONTEXT, evaluator)
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")
    assert found.message.startswith("not within 0.2s: response.json == -1 is false: ")
    assert len(service.connections) > 1
    assert found.message.endswith(f"response.json = {len(service.connections) - 1}")


async def test_an_error_is_not_repeated(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async with serving(answers("x" * 600)) as service:
        what = step(capture={"x": "response.json"}, eventually={"timeout": "30s"})
        found = await run_check(exchanger, [service.address], what, CONTEXT, evaluator)
    assert found.state is StepState.ERROR
    assert len(service.connections) == 1


async def test_an_interval_of_nothing_does_not_flood_the_service(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.probe.pause.LEAST", 0.1)
    async with serving(answers(status=503)) as service:
        what = step(eventually={"timeout": "0.25s", "interval": "0s"})
        await run_check(exchanger, [service.address], what, CONTEXT, evaluator)
    assert len(service.connections) <= 4


async def test_cancelling_ends_the_repeating(exchanger: Exchanger, evaluator: Evaluator) -> None:
    async with serving(answers(status=503)) as service:
        what = step(eventually={"timeout": "30s"})
        task = asyncio.create_task(run_check(exchanger, [service.address], what, CONTEXT, evaluator))
        while not service.connections:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asked = len(service.connections)
        await asyncio.sleep(0.15)
        assert len(service.connections) == asked


async def test_a_text_does_not_end_at_nul(exchanger: Exchanger, evaluator: Evaluator) -> None:
    body = b'{"name": "a\\u0000b"}'
    found = await outcome(exchanger, evaluator, answers(raw=body), step(["response.json.name == 'a'"]))
    assert (found.state, found.reason) == (StepState.FAILED, "ExpectationFailed")
