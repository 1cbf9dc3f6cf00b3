"""An assertion: ask several services at the same time, judge their answers together, capture from them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from seatrial.api.assertion import Read
from seatrial.api.cel import EvaluationError, Scope, assertion_scope, axes_in, captures_in, template_scope
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.api.template import render
from seatrial.probe.address import Address
from seatrial.probe.check import CAPTURE_BYTES
from seatrial.probe.eventually import eventually
from seatrial.probe.exchange import Answer, ExchangeFailed, Exchanger, Request


async def run_assertion(
    exchanger: Exchanger, addresses: Sequence[Address], step: Step, context: Mapping[str, Any]
) -> Outcome:
    """Runs an assertion to its outcome, repeating its requests if it says ``eventually``.

    Args:
        exchanger: Sends the requests.
        addresses: The Service's port of each read.
        step: The step.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
    """
    return await eventually(step.eventually, lambda: _round(exchanger, addresses, step, context))


async def _round(exchanger: Exchanger, addresses: Sequence[Address], step: Step, context: Mapping[str, Any]) -> Outcome:
    reads = step.assert_.reads if step.assert_ else []
    captures, matrix = captures_in(context), axes_in(context)
    try:
        requests = [_request(read, template_scope(captures, matrix), context) for read in reads]
    except EvaluationError as error:
        return Outcome(StepState.ERROR, "TemplateFailed", str(error))
    exchanges = (exchanger.exchange(*each) for each in zip(addresses, requests, strict=True))
    answers = await asyncio.gather(*exchanges, return_exceptions=True)
    values = dict(context)
    for read, answer in zip(reads, answers, strict=True):
        if isinstance(answer, ExchangeFailed):
            state = StepState.ERROR if answer.ours else StepState.FAILED
            return Outcome(state, answer.reason, f"{read.name}, {read.service}: {answer}")
        if isinstance(answer, BaseException):
            raise answer
        values |= _variables(read, answer)
    scope = assertion_scope((read.name for read in reads), captures, matrix)
    return judge(step, scope, values)


def _request(read: Read, scope: Scope, context: Mapping[str, Any]) -> Request:
    """Puts values in the place of ``${…}``.

    Raises:
        EvaluationError: An expression has no value.
    """
    return Request(
        method=read.method,
        path=render(read.path, scope, context, lambda value: quote(value, safe="")),
        headers={header.name: render(header.value, scope, context, _one_line) for header in read.headers},
        body=b"",
        timeout=read.timeout.total_seconds(),
    )


def _variables(read: Read, answer: Answer) -> dict[str, Any]:
    return {
        f"answers.{read.name}.{name.removeprefix('response.')}": value for name, value in answer.variables().items()
    }


def judge(step: Step, scope: Scope, values: Mapping[str, Any]) -> Outcome:
    """Judges the step's expectations, and captures if all of them hold.

    Args:
        step: The step.
        scope: Variables that its expressions may use.
        values: Their values.
    """
    for expression in step.expect:
        program = scope.compile(expression)
        seen = ", ".join(f"{name} = {_shown(values[name])}" for name in program.reads if name in values)
        try:
            holds = program.evaluate(values)
        except (EvaluationError, RecursionError) as error:
            message = f"{expression}: {error}" + (f" ({seen})" if seen else "")
            return Outcome(StepState.FAILED, "ExpectationFailed", message)
        if holds is not True:
            return Outcome(StepState.FAILED, "ExpectationFailed", f"{expression} is false: {seen}")
    return _capture(step, scope, values)


def _capture(step: Step, scope: Scope, values: Mapping[str, Any]) -> Outcome:
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
    reads = len(step.assert_.reads) if step.assert_ else 0
    return Outcome(StepState.SUCCEEDED, "ExpectationsMet", f"{reads} answers, as expected", captures)


def _one_line(value: str) -> str:
    """A captured value must not be able to add headers."""
    return value.replace("\r", " ").replace("\n", " ")


def _shown(value: Any) -> str:
    return shortened(json.dumps(value, default=str), 120)
