"""What the operator has evaluated for its users, each time in a worker and within bounds."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import Outcome
from seatrial.api.problem import Problem
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import StepState
from seatrial.api.step import Job, Step
from seatrial.api.validation import SPEC_BYTES, InvalidSpec, parse_json
from seatrial.judge.answer import Answer
from seatrial.judge.job import JobUnusable
from seatrial.judge.request import Request
from seatrial.sandbox.cut_off import CutOff
from seatrial.sandbox.message import Head
from seatrial.sandbox.pool import Owner, Pool

Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Context = Mapping[str, Any]


class Evaluator:
    """Evaluates for one resource.

    Args:
        pool: Where it is done.
        owner: The resource.
    """

    def __init__(self, pool: Pool, owner: Owner) -> None:
        self._pool = pool
        self._owner = owner

    async def requests(self, step: Step, context: Context) -> list[Request] | Outcome:
        """Fills in the requests of a step. Returns how it ends where that cannot be done.

        Args:
            step: An HTTP step or an assertion.
            context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        """
        try:
            head, bodies = await self._call("requests", {"step": _json(step), "context": dict(context)})
        except CutOff as error:
            return _cut_off(error)
        if "outcome" in head:
            return _outcome(head["outcome"])
        requests, start = [], 0
        for one in head["requests"]:
            end = start + one["length"]
            body = bodies[start:end]
            requests.append(Request(one["method"], one["path"], one["headers"], body, one["timeout"]))
            start = end
        return requests

    async def judge(
        self, step: Step, answers: Sequence[Answer], context: Context, secrets: Collection[str] = ()
    ) -> Outcome:
        """Judges the answers to a step's requests, and captures from them.

        Args:
            step: The step.
            answers: In the order of its requests.
            context: As above.
            secrets: Values that no message and no capture may show.
        """
        head = {"step": _json(step), "context": dict(context), "secrets": list(secrets), **_heads(answers)}
        try:
            reply, _ = await self._call("answers", head, b"".join(answer.body for answer in answers))
        except CutOff as error:
            return _cut_off(error)
        return _outcome(reply["outcome"])

    async def probe(self, expect: Sequence[str], answer: Answer) -> str:
        """Judges the answer to a probe. Returns what is wrong with it, or nothing."""
        try:
            head, _ = await self._call("probe", {"expect": list(expect), **_heads([answer])}, answer.body)
        except CutOff as error:
            return f"{error.reason}: {error}"
        return str(head["failure"])

    async def when(self, when: str, context: Context, secrets: Collection[str] = ()) -> Outcome | None:
        """Judges whether a step runs at all. Returns None if it does, otherwise how it ends."""
        try:
            head, _ = await self._call("when", {"when": when, "context": dict(context), "secrets": list(secrets)})
        except CutOff as error:
            return _cut_off(error)
        return _outcome(head["outcome"]) if head["outcome"] else None

    async def job(self, job: Job, context: Context) -> Job:
        """Fills in a Job.

        Raises:
            JobUnusable: It cannot be run.
        """
        try:
            head, _ = await self._call("job", {"job": job.to_kubernetes(), "context": dict(context)})
        except CutOff as error:
            raise JobUnusable(str(error), error.reason) from error
        if "refusal" in head:
            raise JobUnusable(head["refusal"])
        return Job.model_validate(head["job"])

    async def spec(self, kind: type[Spec], spec: Any) -> Spec:
        """Reads and checks a spec.

        Raises:
            InvalidSpec: It has mistakes.
        """
        text = json.dumps(spec)
        if len(text) <= SPEC_BYTES:
            try:
                head, _ = await self._call("spec", {"kind": kind.__name__.removesuffix("Spec")}, text.encode())
            except CutOff as error:
                raise InvalidSpec([Problem("spec", "", f"its check was cut off: {error}")]) from error
            if head["problems"]:
                raise InvalidSpec([Problem(*problem) for problem in head["problems"]])
        return parse_json(kind, text)

    async def _call(self, task: str, head: Mapping[str, Any], body: bytes = b"") -> tuple[Head, bytes]:
        return await self._pool.call(self._owner, task, head, body)


def _json(step: Step) -> dict[str, Any]:
    return step.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _heads(answers: Sequence[Answer]) -> dict[str, Any]:
    return {
        "answers": [
            {
                "status": answer.status,
                "headers": dict(answer.headers),
                "length": len(answer.body),
                "seconds": answer.elapsed.total_seconds(),
            }
            for answer in answers
        ]
    }


def _outcome(written: Mapping[str, Any]) -> Outcome:
    state = StepState(written["state"])
    return Outcome(state, written["reason"], written["message"], written["captures"], written["secrets"])


def _cut_off(error: CutOff) -> Outcome:
    return Outcome(StepState.ERROR, error.reason, str(error))
