"""What an answer means for its step: expectations, and what is captured from it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seatrial.api.cel import EvaluationError, Scope
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import LEAST, NOTHING_SECRET, Redaction
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.probe.exchange import Answer
from seatrial.probe.expectation import shown, unmet

#: Bytes of one captured value, as JSON. It is kept in status, which has a budget.
CAPTURE_BYTES = 512
#: Bytes of one secret, which is kept in a Secret of its step's.
SECRET_BYTES = 4096

#: What holds when a step expects nothing in particular.
DEFAULT_EXPECTATION = "response.status >= 200 && response.status <= 299"

#: Variables that may hold a secret before it can be told which part of them it is.
_WHOLE_ANSWERS = frozenset({"response.json", "response.text", "response.headers"})


def judge_answer(
    step: Step, answer: Answer, scope: Scope, context: Mapping[str, Any], hidden: Redaction = NOTHING_SECRET
) -> Outcome:
    """Judges an answer by the step's expectations and captures from it.

    Args:
        step: The step.
        answer: The answer.
        scope: Variables of its expressions.
        context: Values of ``run.id`` and ``captures.NAME``.
        hidden: Secrets of earlier steps, which no message and no capture may show.
    """
    values = {**context, **answer.variables()}
    secrets = _readable_secrets(step, scope, values)
    redaction = hidden.and_also(secrets.values())
    took = f"{answer.elapsed.total_seconds() * 1000:.3g}ms"
    return judge_values(step, scope, values, f"status {answer.status} in {took}", redaction)


def judge_values(
    step: Step, scope: Scope, values: Mapping[str, Any], success: str, redaction: Redaction = NOTHING_SECRET
) -> Outcome:
    """Judges values by the step's expectations and captures from them.

    Args:
        step: The step.
        scope: Variables of its expressions.
        values: Their values.
        success: What to say if every expectation holds.
        redaction: Secrets, which no message and no capture may show.
    """
    outcome = _judged(step, scope, values, success, redaction)
    return replace(outcome, message=redaction(outcome.message))


def _judged(step: Step, scope: Scope, values: Mapping[str, Any], success: str, redaction: Redaction) -> Outcome:
    def show(name: str, value: Any) -> str:
        if step.capture_secret and name in _WHOLE_ANSWERS:
            return "(not shown: the step captures secrets)"
        return shown(name, value, redaction)

    if problem := unmet(step.expect or [DEFAULT_EXPECTATION], scope, values, show):
        return Outcome(StepState.FAILED, "ExpectationFailed", problem)
    captures: dict[str, Any] = {}
    for name, expression in step.capture.items():
        found = _captured(name, expression, scope, values, redaction)
        if isinstance(found, Outcome):
            return found
        captures[name] = found[0]
    secrets: dict[str, str] = {}
    for name, expression in step.capture_secret.items():
        secret = _secret(name, expression, scope, values)
        if isinstance(secret, Outcome):
            return secret
        secrets[name] = secret
    return Outcome(StepState.SUCCEEDED, "ExpectationsMet", success, captures, secrets)


def _captured(
    name: str, expression: str, scope: Scope, values: Mapping[str, Any], redaction: Redaction
) -> Outcome | tuple[Any]:
    try:
        value = scope.compile(expression).evaluate(values)
        written = json.dumps(value, allow_nan=False)
    except (EvaluationError, RecursionError, ValueError) as error:
        return Outcome(StepState.FAILED, "CaptureFailed", f"{name}: {expression}: {error}")
    if len(written) > CAPTURE_BYTES:
        message = f"{name} exceeds {CAPTURE_BYTES} bytes as JSON: capture the part that is needed"
        return Outcome(StepState.ERROR, "CaptureTooLarge", message)
    if redaction.finds(written) or redaction.finds(json.dumps(value, ensure_ascii=False)):
        message = f"{name} would show a secret in status: capture another part, or use captureSecret"
        return Outcome(StepState.ERROR, "SecretExposed", message)
    return (value,)


def _secret(name: str, expression: str, scope: Scope, values: Mapping[str, Any]) -> Outcome | str:
    try:
        value = scope.compile(expression).evaluate(values)
    except (EvaluationError, RecursionError) as error:
        return Outcome(StepState.FAILED, "CaptureFailed", f"{name}: {expression}: {error}")
    if not isinstance(value, str) or len(value) < LEAST or len(value.encode(errors="replace")) > SECRET_BYTES:
        message = f"{name} is no text of {LEAST} to {SECRET_BYTES} bytes: capture the part that is, or use string(…)"
        return Outcome(StepState.ERROR, "SecretUnusable", message)
    return value


def _readable_secrets(step: Step, scope: Scope, values: Mapping[str, Any]) -> dict[str, str]:
    """The secrets that the answer holds, whatever else is wrong with it: no message about it may show them."""
    found = {name: _secret(name, expression, scope, values) for name, expression in step.capture_secret.items()}
    return {name: value for name, value in found.items() if isinstance(value, str)}
