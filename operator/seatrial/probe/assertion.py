"""An assertion: ask several services at the same time, judge their answers together, capture from them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from seatrial.api.assertion import Read
from seatrial.api.cel import EvaluationError, Scope, assertion_scope, axes_in, captures_in, template_scope
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import Redaction
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.api.template import one_line, render
from seatrial.probe.address import Address
from seatrial.probe.eventually import eventually
from seatrial.probe.exchange import Answer, ExchangeFailed, Exchanger, Request
from seatrial.probe.judgement import judge_values


async def run_assertion(
    exchanger: Exchanger,
    addresses: Sequence[Address],
    step: Step,
    context: Mapping[str, Any],
    *,
    secrets: Collection[str] = (),
) -> Outcome:
    """Runs an assertion to its outcome, repeating its requests if it says ``eventually``.

    Args:
        exchanger: Sends the requests.
        addresses: The Service's port of each read.
        step: The step.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        secrets: Names of the captures that no message may show.
    """
    redaction = Redaction(str(context[f"captures.{name}"]) for name in secrets)

    async def once() -> Outcome:
        outcome = await _round(exchanger, addresses, step, context, redaction)
        return replace(outcome, message=redaction(outcome.message))

    return await eventually(step.eventually, once)


async def _round(
    exchanger: Exchanger, addresses: Sequence[Address], step: Step, context: Mapping[str, Any], redaction: Redaction
) -> Outcome:
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
    return judge_values(step, scope, values, f"{len(reads)} answers, as expected", redaction)


def _request(read: Read, scope: Scope, context: Mapping[str, Any]) -> Request:
    """Puts values in the place of ``${…}``.

    Raises:
        EvaluationError: An expression has no value.
    """
    return Request(
        method=read.method,
        path=render(read.path, scope, context, lambda value: quote(value, safe="")),
        headers={header.name: render(header.value, scope, context, one_line) for header in read.headers},
        body=b"",
        timeout=read.timeout.total_seconds(),
    )


def _variables(read: Read, answer: Answer) -> dict[str, Any]:
    return {
        f"answers.{read.name}.{name.removeprefix('response.')}": value for name, value in answer.variables().items()
    }
