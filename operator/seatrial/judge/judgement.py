"""What an answer means for its step: expectations, and what is captured from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.api.captures import CAPTURE_BYTES
from seatrial.api.cel import EvaluationError, Scope, assertion_scope, axes_in, captures_in, http_scope
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import LEAST, NOTHING_SECRET, Redaction
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.judge.answer import Answer
from seatrial.judge.expectation import shown, unmet
from seatrial.judge.progress import At, untold

#: Bytes of one secret, which is kept in a Secret of its step's.
SECRET_BYTES = 4096

#: What holds when a step expects nothing in particular.
DEFAULT_EXPECTATION = "response.status >= 200 && response.status <= 299"

#: Variables that may hold a secret before it can be told which part of them it is.
_WHOLE_ANSWERS = frozenset({"response.json", "response.text", "response.headers"})


def judge_answers(
    step: Step,
    answers: Sequence[Answer],
    context: Mapping[str, Any],
    hidden: Redaction = NOTHING_SECRET,
    at: At = untold,
) -> Outcome:
    """Judges the answer to an HTTP step, or those to the reads of an assertion, and captures from them.

    Args:
        step: The step.
        answers: The answers, in the order of its requests.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        hidden: Secrets of earlier steps, which no message and no capture may show.
        at: Told where judging is.
    """
    captures, matrix = captures_in(context), axes_in(context)
    at("the body of the answer", "")
    if step.http is not None:
        (answer,) = answers
        scope, values = http_scope(captures, matrix), {**context, **answer.variables()}
        took = f"{answer.elapsed.total_seconds() * 1000:.3g}ms"
        success = f"status {answer.status} in {took}"
        hidden = hidden.and_also(_readable_secrets(step, scope, values, at).values())
    else:
        reads = step.assert_.reads if step.assert_ else []
        scope = assertion_scope((read.name for read in reads), captures, matrix)
        values = dict(context)
        for read, answer in zip(reads, answers, strict=True):
            values |= _named(read.name, answer)
        success = f"{len(reads)} answers, as expected"
    outcome = _judged(_Judged(step, scope, values, hidden, at), success)
    return replace(outcome, message=hidden(outcome.message))


@dataclass(frozen=True)
class _Judged:
    """What is judged: a step's expressions, over values of which no message and no capture may show secrets."""

    step: Step
    scope: Scope
    values: Mapping[str, Any]
    redaction: Redaction
    at: At

    def value(self, field: str, expression: str) -> Any:
        """The value of an expression.

        Raises:
            EvaluationError: It has none.
        """
        self.at(field, expression)
        return self.scope.compile(expression).evaluate(self.values)


def _named(read: str, answer: Answer) -> dict[str, Any]:
    return {f"answers.{read}.{name.removeprefix('response.')}": value for name, value in answer.variables().items()}


def _judged(judged: _Judged, success: str) -> Outcome:
    step = judged.step

    def show(name: str, value: Any) -> str:
        if step.capture_secret and name in _WHOLE_ANSWERS:
            return "(not shown: the step captures secrets)"
        return shown(name, value, judged.redaction)

    expected = step.expect or [DEFAULT_EXPECTATION]
    if problem := unmet(expected, judged.scope, judged.values, show, judged.at):
        return Outcome(StepState.FAILED, "ExpectationFailed", problem)
    captures: dict[str, Any] = {}
    for name, expression in step.capture.items():
        found = _captured(name, expression, judged)
        if isinstance(found, Outcome):
            return found
        captures[name] = found[0]
    secrets: dict[str, str] = {}
    for name, expression in step.capture_secret.items():
        secret = _secret(name, expression, judged)
        if isinstance(secret, Outcome):
            return secret
        secrets[name] = secret
    return Outcome(StepState.SUCCEEDED, "ExpectationsMet", success, captures, secrets)


def _captured(name: str, expression: str, judged: _Judged) -> Outcome | tuple[Any]:
    try:
        value = judged.value(f"capture.{name}", expression)
        written = json.dumps(value, allow_nan=False)
    except (EvaluationError, RecursionError, ValueError) as error:
        return Outcome(StepState.FAILED, "CaptureFailed", f"{name}: {expression}: {error}")
    if len(written) > CAPTURE_BYTES:
        message = f"{name} exceeds {CAPTURE_BYTES} bytes as JSON: capture the part that is needed"
        return Outcome(StepState.ERROR, "CaptureTooLarge", message)
    if judged.redaction.finds(written) or judged.redaction.finds(json.dumps(value, ensure_ascii=False)):
        message = f"{name} would show a secret in status: capture another part, or use captureSecret"
        return Outcome(StepState.ERROR, "SecretExposed", message)
    return (value,)


def _secret(name: str, expression: str, judged: _Judged) -> Outcome | str:
    try:
        value = judged.value(f"captureSecret.{name}", expression)
    except (EvaluationError, RecursionError) as error:
        return Outcome(StepState.FAILED, "CaptureFailed", f"{name}: {expression}: {error}")
    if not isinstance(value, str) or len(value) < LEAST or len(value.encode(errors="replace")) > SECRET_BYTES:
        message = f"{name} is no text of {LEAST} to {SECRET_BYTES} bytes: capture the part that is, or use string(…)"
        return Outcome(StepState.ERROR, "SecretUnusable", message)
    return value


def _readable_secrets(step: Step, scope: Scope, values: Mapping[str, Any], at: At) -> dict[str, str]:
    """The secrets that the answer holds, whatever else is wrong with it: no message about it may show them."""
    judged = _Judged(step, scope, values, NOTHING_SECRET, at)
    found = {name: _secret(name, expression, judged) for name, expression in step.capture_secret.items()}
    return {name: value for name, value in found.items() if isinstance(value, str)}
