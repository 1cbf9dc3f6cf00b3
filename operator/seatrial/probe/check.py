"""An HTTP step: render the request, send it, judge the answer, capture from it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from seatrial.api.cel import EvaluationError, Scope, axes_in, captures_in, http_scope, template_scope
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import Redaction
from seatrial.api.status import StepState
from seatrial.api.step import HttpRequest, Step
from seatrial.api.template import one_line, render, render_json
from seatrial.probe.address import Address
from seatrial.probe.eventually import eventually
from seatrial.probe.exchange import ExchangeFailed, Exchanger, Request
from seatrial.probe.judgement import judge_answer
from seatrial.probe.redirect import Resolve, exchange_following


async def run_check(
    exchanger: Exchanger,
    address: Address,
    step: Step,
    context: Mapping[str, Any],
    *,
    resolve: Resolve | None = None,
    secrets: Collection[str] = (),
) -> Outcome:
    """Runs an HTTP step to its outcome, repeating it if it says ``eventually``.

    Args:
        exchanger: Sends the requests.
        address: The Service's port.
        step: The step.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        resolve: Finds the services that redirects lead to.
        secrets: Names of the captures that no message may show.
    """
    attempt = _Attempt(
        exchanger, address, step, context, resolve, Redaction(str(context[f"captures.{name}"]) for name in secrets)
    )
    return await eventually(step.eventually, attempt)


@dataclass(frozen=True)
class _Attempt:
    """One request and what it means; see run_check."""

    exchanger: Exchanger
    address: Address
    step: Step
    context: Mapping[str, Any]
    resolve: Resolve | None
    redaction: Redaction

    async def __call__(self) -> Outcome:
        outcome = await self._outcome()
        return replace(outcome, message=self.redaction(outcome.message))

    async def _outcome(self) -> Outcome:
        http = self.step.http
        assert http is not None  # noqa: S101 - only HTTP steps come here
        captures, matrix = captures_in(self.context), axes_in(self.context)
        try:
            request = render_request(http, template_scope(captures, matrix), self.context)
        except EvaluationError as error:
            return Outcome(StepState.ERROR, "TemplateFailed", str(error))
        try:
            if http.follow_redirects and self.resolve is not None:
                answer = await exchange_following(self.exchanger, self.address, request, self.resolve)
            else:
                answer = await self.exchanger.exchange(self.address, request)
        except ExchangeFailed as error:
            return Outcome(StepState.ERROR if error.ours else StepState.FAILED, error.reason, str(error))
        return judge_answer(self.step, answer, http_scope(captures, matrix), self.context, self.redaction)


def render_request(http: HttpRequest, scope: Scope, context: Mapping[str, Any]) -> Request:
    """Puts values in the place of ``${…}``.

    Raises:
        EvaluationError: An expression has no value.
    """
    headers = {header.name: render(header.value, scope, context, one_line) for header in http.headers}
    given = {name.lower() for name in headers}
    body = b""
    if http.json_body is not None:
        body = json.dumps(render_json(http.json_body, scope, context)).encode()
        headers |= {} if "content-type" in given else {"content-type": "application/json"}
    elif http.text is not None:
        body = render(http.text, scope, context).encode()
        headers |= {} if "content-type" in given else {"content-type": "text/plain; charset=utf-8"}
    elif http.form is not None:
        body = urlencode({name: render(value, scope, context) for name, value in http.form.items()}).encode()
        headers |= {} if "content-type" in given else {"content-type": "application/x-www-form-urlencoded"}
    return Request(
        method=http.method,
        path=render(http.path, scope, context, lambda value: quote(value, safe="")),
        headers=headers,
        body=body,
        timeout=http.timeout.total_seconds(),
    )
