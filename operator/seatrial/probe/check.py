"""A step whose requests the operator itself sends: fill them in, send them, have the answers judged."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.api.outcome import Outcome
from seatrial.api.redaction import Redaction
from seatrial.api.status import StepState
from seatrial.api.step import Step
from seatrial.judge.answer import Answer
from seatrial.judge.request import Request
from seatrial.probe.address import Address
from seatrial.probe.eventually import eventually
from seatrial.probe.exchange import ExchangeFailed, Exchanger
from seatrial.probe.redirect import Resolve, exchange_following
from seatrial.sandbox.evaluator import Evaluator


async def run_check(
    exchanger: Exchanger,
    addresses: Sequence[Address],
    step: Step,
    context: Mapping[str, Any],
    evaluator: Evaluator,
    *,
    resolve: Resolve | None = None,
    secrets: Collection[str] = (),
) -> Outcome:
    """Runs an HTTP step or an assertion to its outcome, repeating its requests if it says ``eventually``.

    Args:
        exchanger: Sends the requests.
        addresses: The Service's port that each request goes to.
        step: The step.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        evaluator: Fills requests in and judges answers.
        resolve: Finds the services that redirects lead to.
        secrets: Names of the captures that no message may show.
    """
    hidden = [str(context[f"captures.{name}"]) for name in secrets]
    attempt = _Attempt(exchanger, addresses, step, context, evaluator, resolve, hidden, Redaction(hidden))
    return await eventually(step.eventually, attempt)


@dataclass(frozen=True)
class _Attempt:
    """One round of requests and what it means; see run_check."""

    exchanger: Exchanger
    addresses: Sequence[Address]
    step: Step
    context: Mapping[str, Any]
    evaluator: Evaluator
    resolve: Resolve | None
    hidden: Collection[str]
    redaction: Redaction

    async def __call__(self) -> Outcome:
        outcome = await self._outcome()
        return replace(outcome, message=self.redaction(outcome.message))

    async def _outcome(self) -> Outcome:
        requests = await self.evaluator.requests(self.step, self.context)
        if isinstance(requests, Outcome):
            return requests
        exchanges = (self._exchange(*each) for each in zip(self.addresses, requests, strict=True))
        answers: list[Answer] = []
        for number, answer in enumerate(await asyncio.gather(*exchanges, return_exceptions=True)):
            if isinstance(answer, ExchangeFailed):
                return self._failed(number, answer)
            if isinstance(answer, BaseException):
                raise answer
            answers.append(answer)
        return await self.evaluator.judge(self.step, answers, self.context, self.hidden)

    async def _exchange(self, address: Address, request: Request) -> Answer:
        if self.step.http and self.step.http.follow_redirects and self.resolve is not None:
            return await exchange_following(self.exchanger, address, request, self.resolve)
        return await self.exchanger.exchange(address, request)

    def _failed(self, number: int, error: ExchangeFailed) -> Outcome:
        message = str(error)
        if self.step.assert_:
            read = self.step.assert_.reads[number]
            message = f"{read.name}, {read.service}: {message}"
        return Outcome(StepState.ERROR if error.ours else StepState.FAILED, error.reason, message)
