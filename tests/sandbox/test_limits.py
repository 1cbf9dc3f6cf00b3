"""Whatever an expression or a body takes, the operator goes on, and whoever wrote it is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import StepState
from seatrial.api.step import Job
from seatrial.judge.job import JobUnusable
from seatrial.sandbox.evaluator import Evaluator
from seatrial.sandbox.pool import Owner, Pool
from tests.sandbox.material import DENSE, DOUBLED, GROUND, LONG, REPLACED, RUN, answer, step

pytestmark = [pytest.mark.anyio, pytest.mark.heavy]

#: Seconds that no expression may hold the event loop up.
LAG = 0.05


def of(pool: Pool, name: str, tenant: str = "shop") -> Evaluator:
    return Evaluator(pool, Owner(tenant, name))


@pytest.mark.parametrize(
    ("expression", "body", "reason", "limit"),
    [
        (DOUBLED, LONG, "ExpressionTooLarge", "128Mi of memory"),
        (REPLACED, LONG, "ExpressionTooLarge", "128Mi of memory"),
        (GROUND, LONG, "ExpressionTooSlow", "2s of CPU time"),
    ],
)
async def test_what_takes_too_much_is_cut_off_and_named(
    pool: Pool, expression: str, body: bytes, reason: str, limit: str
) -> None:
    found = await of(pool, "a").judge(step("true", expression), [answer(body)], RUN)
    assert (found.state, found.reason) == (StepState.ERROR, reason)
    assert found.message.startswith(f"expect[1]: {expression[:100]}")
    assert limit in found.message
    assert "let a Job judge it" in found.message


async def test_what_takes_long_but_not_too_long_is_judged(pool: Pool) -> None:
    what = step("response.json.size() > 300000", capture={"n": "response.json.size()"})
    found = await of(pool, "a").judge(what, [answer(DENSE)], RUN)
    assert (found.state, found.captures) == (StepState.SUCCEEDED, {"n": DENSE.count(b"[") - 1})


async def test_every_expression_of_a_user_is_bounded(pool: Pool) -> None:
    evaluator, template = of(pool, "a"), "${" + DOUBLED.removesuffix(".size() == 1") + "[0]}"
    when = await evaluator.when(DOUBLED, RUN)
    assert when
    assert (when.state, when.reason) == (StepState.ERROR, "ExpressionTooLarge")
    assert when.message.startswith("when: ['aaaaaaaa'].map(")
    requests = await evaluator.requests(step(http={"service": "web", "method": "POST", "text": template}), RUN)
    assert not isinstance(requests, list)
    assert requests.reason == "ExpressionTooLarge"
    assert requests.message.startswith("http.text: ${['aaaaaaaa'].map(")
    with pytest.raises(JobUnusable, match=r"^job\.args\[0\]: \$\{\['aaaaaaaa'\]\.map\(.* 128Mi of memory"):
        await evaluator.job(Job.model_validate({"image": "i", "args": [template]}), RUN)
    assert "ExpressionTooLarge: expect[0]: " in await evaluator.probe([DOUBLED], answer())


async def test_a_request_that_outgrows_what_is_sent_is_an_error(pool: Pool) -> None:
    text = "${" + "['aaaaaaaa']" + ".map(a, a + a)" * 18 + "[0]}"
    found = await of(pool, "a").requests(step(http={"service": "web", "method": "POST", "text": text}), RUN)
    assert not isinstance(found, list)
    assert (found.state, found.reason) == (StepState.ERROR, "RequestTooLarge")


async def test_the_loop_goes_on_and_others_pass_while_the_worst_is_evaluated(pool: Pool) -> None:
    big = {
        "environment": {"services": [{"name": "w", "image": "i", "ports": [{"name": "http", "port": 80}]}]},
        "steps": [
            {
                "name": f"s{number}",
                "http": {"service": "w", "path": "/${run.id}"},
                "expect": [f"response.json.a{place} == {number}" for place in range(20)],
                **({"needs": [{"step": f"s{number - 1}"}]} if number else {}),
            }
            for number in range(199)
        ],
    }
    evaluator = of(pool, "ordinary", "other")
    assert (await evaluator.judge(step("response.json.id == 7"), [answer()], RUN)).state is StepState.SUCCEEDED

    async def nasty() -> None:
        await asyncio.gather(
            of(pool, "a").judge(step(DOUBLED), [answer(LONG)], RUN),
            of(pool, "b").judge(step(GROUND), [answer(LONG)], RUN),
            of(pool, "c").judge(step(*["response.json.size() > 1"] * 3), [answer(DENSE)], RUN),
            of(pool, "d").when(DOUBLED, RUN),
            of(pool, "e").spec(TestScenarioSpec, big),
        )

    async with held_up() as seen:
        going, ordinary = asyncio.create_task(nasty()), 0
        while not going.done():
            found = await evaluator.judge(step("response.json.id == 7"), [answer()], RUN)
            assert found.state is StepState.SUCCEEDED
            ordinary += 1
            await asyncio.sleep(0.01)
        await going
    assert ordinary > 10
    assert not pool._known_slow(Owner("other", "ordinary"))
    assert max(seen) < LAG


@asynccontextmanager
async def held_up() -> AsyncIterator[list[float]]:
    """How long the loop computed, each time before others had their turn: others on this machine do not count."""
    seen: list[float] = []

    async def asking() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            seen.append(time.thread_time() - began)

    task = asyncio.create_task(asking())
    try:
        yield seen
    finally:
        task.cancel()
