"""What workers can do: JSON in and out, and bodies of answers as bytes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from seatrial.api.cel import EvaluationError, probe_scope
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import Redaction
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.api.validation import InvalidSpec, read_json
from seatrial.judge.answer import Answer
from seatrial.judge.condition import judge_when
from seatrial.judge.expectation import unmet
from seatrial.judge.job import JobUnusable, render_job
from seatrial.judge.judgement import judge_answers
from seatrial.judge.progress import At
from seatrial.judge.request import RequestTooLarge, render_requests
from seatrial.sandbox.message import Head

#: Mistakes of a spec that are told; nobody reads more.
PROBLEMS = 50

_KINDS: dict[str, type[TestScenarioSpec] | type[LoadTestSpec]] = {
    "TestScenario": TestScenarioSpec,
    "LoadTest": LoadTestSpec,
}


def _requests(head: Head, _body: bytes, at: At) -> tuple[Head, bytes]:
    try:
        requests = render_requests(Step.model_validate(head["step"]), head["context"], at)
    except EvaluationError as error:
        return {"outcome": _written(Outcome(StepState.ERROR, "TemplateFailed", str(error)))}, b""
    except RequestTooLarge as error:
        return {"outcome": _written(Outcome(StepState.ERROR, "RequestTooLarge", str(error)))}, b""
    written = [
        {
            "method": request.method,
            "path": request.path,
            "headers": dict(request.headers),
            "length": len(request.body),
            "timeout": request.timeout,
        }
        for request in requests
    ]
    return {"requests": written}, b"".join(request.body for request in requests)


def _answers(head: Head, body: bytes, at: At) -> tuple[Head, bytes]:
    step = Step.model_validate(head["step"])
    outcome = judge_answers(step, _read(head, body), head["context"], Redaction(head["secrets"]), at)
    return {"outcome": _written(outcome)}, b""


def _probe(head: Head, body: bytes, at: At) -> tuple[Head, bytes]:
    (answer,) = _read(head, body)
    at("the body of the answer", "")
    return {"failure": unmet(head["expect"], probe_scope(), answer.variables(), at=at)}, b""


def _when(head: Head, _body: bytes, at: At) -> tuple[Head, bytes]:
    outcome = judge_when(head["when"], head["context"], Redaction(head["secrets"]), at)
    return {"outcome": _written(outcome) if outcome else None}, b""


def _job(head: Head, _body: bytes, at: At) -> tuple[Head, bytes]:
    try:
        return {"job": render_job(head["job"], head["context"], at)}, b""
    except JobUnusable as error:
        return {"refusal": str(error)}, b""


def _spec(head: Head, body: bytes, at: At) -> tuple[Head, bytes]:
    at("spec", "")
    try:
        read_json(_KINDS[head["kind"]], body.decode())
    except InvalidSpec as error:
        problems = [[problem.field, problem.value, problem.remedy] for problem in error.problems[:PROBLEMS]]
        return {"problems": problems}, b""
    return {"problems": []}, b""


def _read(head: Head, body: bytes) -> list[Answer]:
    answers, start = [], 0
    for one in head["answers"]:
        end = start + one["length"]
        elapsed = timedelta(seconds=one["seconds"])
        answers.append(Answer(one["status"], one["headers"], body[start:end], elapsed))
        start = end
    return answers


def _written(outcome: Outcome) -> dict[str, Any]:
    return {
        "state": outcome.state,
        "reason": outcome.reason,
        "message": outcome.message,
        "captures": dict(outcome.captures),
        "secrets": dict(outcome.secrets),
    }


#: By the name that calls give.
TASKS: dict[str, Callable[[Head, bytes, At], tuple[Head, bytes]]] = {
    "requests": _requests,
    "answers": _answers,
    "probe": _probe,
    "when": _when,
    "job": _job,
    "spec": _spec,
}
