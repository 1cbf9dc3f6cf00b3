"""An HTTP step: render the request, send it, judge the answer, capture from it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_exponential, wait_random

from seatrial.api.cel import EvaluationError, Scope, axes_in, captures_in, http_scope, template_scope
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import StepState
from seatrial.api.step import HttpRequest, Step
from seatrial.api.template import render, render_json
from seatrial.probe.address import Address
from seatrial.probe.exchange import Answer, ExchangeFailed, Exchanger, Request

#: Bytes of one captured value, as JSON. It is kept in status, which has a budget.
CAPTURE_BYTES = 512

#: Shortest pause between two requests, in seconds, whatever the step says.
LEAST_PAUSE = 0.05

#: What holds when a step expects nothing in particular.
DEFAULT_EXPECTATION = "response.status >= 200 && response.status <= 299"


async def run_check(exchanger: Exchanger, address: Address, step: Step, context: Mapping[str, Any]) -> Outcome:
    """Runs an HTTP step to its outcome, repeating it if it says ``eventually``.

    Args:
        exchanger: Sends the requests.
        address: The Service's port.
        step: The step.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
    """
    if step.eventually is None:
        return await _attempt(exchanger, address, step, context)
    seconds = step.eventually.timeout.total_seconds()
    longest = max(step.eventually.interval.total_seconds(), LEAST_PAUSE)
    retrying: AsyncRetrying = AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=wait_exponential(multiplier=LEAST_PAUSE, max=longest) + wait_random(max=0.02),
        retry=retry_if_result(lambda outcome: outcome.state is StepState.FAILED),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    outcome: Outcome = await retrying(_attempt, exchanger, address, step, context)
    if outcome.state is StepState.FAILED:
        return Outcome(outcome.state, outcome.reason, f"not within {seconds:g}s: {outcome.message}")
    return outcome


async def _attempt(exchanger: Exchanger, address: Address, step: Step, context: Mapping[str, Any]) -> Outcome:
    assert step.http is not None  # noqa: S101 - only HTTP steps come here
    captures, matrix = captures_in(context), axes_in(context)
    try:
        request = render_request(step.http, template_scope(captures, matrix), context)
    except EvaluationError as error:
        return Outcome(StepState.ERROR, "TemplateFailed", str(error))
    try:
        answer = await exchanger.exchange(address, request)
    except ExchangeFailed as error:
        return Outcome(StepState.ERROR if error.ours else StepState.FAILED, error.reason, str(error))
    return judge_answer(step, answer, http_scope(captures, matrix), context)


def render_request(http: HttpRequest, scope: Scope, context: Mapping[str, Any]) -> Request:
    """Puts values in the place of ``${…}``.

    Raises:
        EvaluationError: An expression has no value.
    """
    headers = {header.name: render(header.value, scope, context, _one_line) for header in http.headers}
    given = {name.lower() for name in headers}
    body = b""
    if http.json_body is not None:
        body = json.dumps(render_json(http.json_body, scope, context)).encode()
        headers |= {} if "content-type" in given else {"content-type": "application/json"}
    elif http.text is not None:
        body = render(http.text, scope, context).encode()
        headers |= {} if "content-type" in given else {"content-type": "text/plain; charset=utf-8"}
    return Request(
        method=http.method,
        path=render(http.path, scope, context, lambda value: quote(value, safe="")),
        headers=headers,
        body=body,
        timeout=http.timeout.total_seconds(),
    )


def _one_line(value: str) -> str:
    """A captured value must not be able to add headers."""
    return value.replace("\r", " ").replace("\n", " ")


def judge_answer(step: Step, answer: Answer, scope: Scope, context: Mapping[str, Any]) -> Outcome:
    """Judges an answer by the step's expectations and captures from it."""
    values = {**context, **answer.variables()}
    for expression in step.expect or [DEFAULT_EXPECTATION]:
        program = scope.compile(expression)
        try:
            holds = program.evaluate(values)
        except (EvaluationError, RecursionError) as error:
            return Outcome(StepState.FAILED, "ExpectationFailed", f"{expression}: {error} (status {answer.status})")
        if holds is not True:
            seen = ", ".join(f"{name} = {_shown(values.get(name))}" for name in program.reads)
            return Outcome(StepState.FAILED, "ExpectationFailed", f"{expression} is false: {seen}")
    return _capture(step, scope, values, answer)


def _capture(step: Step, scope: Scope, values: Mapping[str, Any], answer: Answer) -> Outcome:
    captures = {}
    for name, expression in step.capture.items():
        try:
            value = scope.compile(expression).evaluate(values)
            size = len(json.dumps(value, allow_nan=False))
        except (EvaluationError, RecursionError, ValueError) as error:
            return Outcome(StepState.FAILED, "CaptureFailed", f"{name}: {expression}: {error}")
        if size > CAPTURE_BYTES:
            message = f"{name} exceeds {CAPTURE_BYTES} bytes as JSON: capture the part that is needed"
            return Outcome(StepState.ERROR, "CaptureTooLarge", message)
        captures[name] = value
    took = f"{answer.elapsed.total_seconds() * 1000:.3g}ms"
    return Outcome(StepState.SUCCEEDED, "ExpectationsMet", f"status {answer.status} in {took}", captures)


def _shown(value: Any) -> str:
    return shortened(json.dumps(value, default=str), 120)
