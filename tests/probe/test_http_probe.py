"""HTTP probes: what counts as healthy, and what is said of all that does not."""

from typing import Any

import pytest

from seatrial.api.readiness import HttpProbe
from seatrial.probe import exchange
from seatrial.probe.exchange import Exchanger
from seatrial.probe.http_probe import probe_http
from seatrial.sandbox.evaluator import Evaluator
from tests.probe.server import Connection, Script, Service, serving

pytestmark = pytest.mark.anyio


def answering(status: int = 200, body: bytes = b"", **headers: str) -> Script:
    async def script(connection: Connection) -> None:
        await connection.answer(status, body, **headers)

    return script


async def probed(exchanger: Exchanger, evaluator: Evaluator, script: Script, **probe: Any) -> tuple[str, Service]:
    async with serving(script) as service:
        return await probe_http(exchanger, service.address, HttpProbe.model_validate(probe), 5, evaluator), service


async def test_the_probe_sends_its_headers(exchanger: Exchanger, evaluator: Evaluator) -> None:
    problem, service = await probed(
        exchanger, evaluator, answering(), path="/health?deep=1", headers=[{"name": "X-Probe", "value": "yes"}]
    )
    assert problem == ""
    assert service.connections[0].line == "GET /health?deep=1 HTTP/1.1"
    assert service.connections[0].header("x-probe") == "yes"


@pytest.mark.parametrize(
    ("statuses", "status", "healthy"),
    [([], 200, True), ([], 399, True), ([], 400, False), ([204, 401], 401, True), ([204, 401], 200, False)],
)
async def test_only_the_wanted_statuses_count(
    exchanger: Exchanger, evaluator: Evaluator, statuses: list[int], status: int, healthy: bool
) -> None:
    problem, _ = await probed(exchanger, evaluator, answering(status), statuses=statuses)
    assert problem == ("" if healthy else f"GET / answered {status}")


async def test_a_redirect_that_does_not_count_says_where_it_leads(exchanger: Exchanger, evaluator: Evaluator) -> None:
    problem, service = await probed(exchanger, evaluator, answering(302, location="/login"), statuses=[200])
    assert problem == "GET / answered 302, a redirect to /login, which probes do not follow"
    assert len(service.connections) == 1


@pytest.mark.parametrize(
    ("expect", "body", "said"),
    [
        (["response.json.status == 'up'"], b'{"status": "up"}', ""),
        (
            ["response.json.status == 'up'"],
            b'{"status": "down"}',
            "response.json.status == 'up' is false: response.json",
        ),
        (["response.json.status == 'up'"], b"{}", "response.json.status == 'up': "),
        (["response.json.status == 'up'"], b"<html>", "the answer's body is not JSON"),
        (["response.text.contains('ok')", "response.status == 200", "response.time > duration('1h')"], b"ok", "1h"),
        (["response.headers['x-ready'] == 'yes'"], b"", ""),
        (["response.json"], b"[" * 900 + b"]" * 900, "response.json: "),
    ],
)
async def test_expectations_must_hold(
    exchanger: Exchanger, evaluator: Evaluator, expect: list[str], body: bytes, said: str
) -> None:
    problem, _ = await probed(exchanger, evaluator, answering(200, body, x_ready="yes"), expect=expect)
    assert said in problem
    assert bool(problem) == bool(said)


async def test_what_is_no_answer_is_a_failure_in_words(
    exchanger: Exchanger, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(connection: Connection) -> None:
        await connection.send(b"\x00\xff\r\n\r\n")

    problem, _ = await probed(exchanger, evaluator, nothing)
    assert problem.startswith("GET /: ")
    monkeypatch.setattr(exchange, "BODY_BYTES", 100)
    problem, _ = await probed(exchanger, evaluator, answering(200, b"x" * 200))
    assert problem == "the body exceeds 100 bytes"
