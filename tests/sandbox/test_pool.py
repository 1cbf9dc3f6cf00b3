"""Workers that end, are ended, or lose their operator; and who gets one first."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatrial.api.redaction import Redaction
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import StepState
from seatrial.api.validation import InvalidSpec, read
from seatrial.judge.judgement import judge_answers
from seatrial.sandbox.evaluator import Evaluator
from seatrial.sandbox.pool import EvaluationBug, Owner, Pool
from seatrial.sandbox.processes import Processes
from seatrial.sandbox.turnstile import Turnstile
from tests.sandbox.material import GROUND, LONG, RUN, answer, step

pytestmark = pytest.mark.anyio

OWNER = Owner("shop", "uid")


async def test_a_worker_judges_as_this_process_would(pool: Pool) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    evaluator, hidden = Evaluator(pool, OWNER), ["s3cret ü"]
    bodies = [
        b"",
        b"\xff\x00",
        b'{"a": "\\u0000\\ud800"}',
        b"[1e400]",
        b"[" * 5000,
        b'{"a": "s3cret \xc3\xbc"}',
        b"NaN",
    ]
    bodies += [chance.randbytes(chance.randrange(300)) for _ in range(20)]
    what = step("response.text.size() >= 0", capture={"all": "response.text", "a": "response.json.a"})
    for body in bodies:
        here = judge_answers(what, [answer(body)], RUN, Redaction(hidden))
        assert await evaluator.judge(what, [answer(body)], RUN, hidden) == here


async def test_mistakes_of_a_spec_are_those_that_the_command_finds(pool: Pool) -> None:
    spec = {"environment": {"services": []}, "steps": [{"name": "a", "http": {"service": "nowhere"}}]}
    with pytest.raises(InvalidSpec) as here:
        read(TestScenarioSpec, spec)
    with pytest.raises(InvalidSpec) as there:
        await Evaluator(pool, OWNER).spec(TestScenarioSpec, spec)
    assert there.value.problems == here.value.problems


async def test_a_worker_that_is_killed_is_replaced_and_its_work_done_again(pool: Pool) -> None:
    evaluator = Evaluator(pool, OWNER)
    await pool.start()
    assert pool._idle
    os.kill(pool._idle.process, signal.SIGKILL)
    assert (await evaluator.judge(step(), [answer()], RUN)).state is StepState.SUCCEEDED
    assert not pool._known_slow(OWNER)


async def test_what_kills_its_worker_each_time_is_an_error(pool: Pool) -> None:
    task = asyncio.create_task(Evaluator(pool, OWNER).judge(step(GROUND), [answer(LONG)], RUN))
    killed = 0
    while not task.done():
        await asyncio.sleep(0.05)
        for process in _children_of(pool._processes._server.pid if pool._processes._server else 0):
            os.kill(process, signal.SIGKILL)
            killed += 1
    found = await task
    assert killed
    assert (found.state, found.reason) == (StepState.ERROR, "EvaluationFailed")
    assert "by signal 9" in found.message


async def test_the_process_that_workers_come_from_is_replaced() -> None:
    pool = Pool()
    evaluator = Evaluator(pool, OWNER)
    await pool.start()
    server = pool._processes._server
    assert server
    server.kill()
    worker = pool._idle
    assert worker
    os.kill(worker.process, signal.SIGKILL)
    assert (await evaluator.judge(step(), [answer()], RUN)).state is StepState.SUCCEEDED
    assert pool._processes._server is not server
    await pool.close()
    assert pool._processes._server is None


async def test_an_evaluation_that_is_given_up_leaves_nothing_running(pool: Pool) -> None:
    for seconds in (0.0, 0.001, 0.01, 0.2):
        task = asyncio.create_task(Evaluator(pool, OWNER).judge(step(GROUND), [answer(LONG)], RUN))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await Evaluator(pool, Owner("b", "b")).judge(step(), [answer()], RUN)).state is StepState.SUCCEEDED
    await pool._settled()
    server = pool._processes._server
    assert server
    assert _children_of(server.pid) == ({pool._idle.process} if pool._idle else set())


async def test_nothing_survives_the_operator() -> None:
    program = (
        "import asyncio\n"
        "from seatrial.sandbox.pool import Pool\n"
        "async def main():\n"
        "    pool = Pool()\n"
        "    await pool.start()\n"
        "    print(pool._processes._server.pid, pool._idle.process, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    operator = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert operator.stdout
    processes = [int(word) for word in (await operator.stdout.readline()).split()]
    assert len(processes) == 2
    assert all(map(_runs, processes))
    operator.kill()
    await operator.wait()
    ends = time.monotonic() + 10
    while any(map(_runs, processes)):
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)


async def test_a_bug_is_told_without_the_values_that_it_happened_with(pool: Pool) -> None:
    with pytest.raises(EvaluationBug) as raised:
        await pool.call(OWNER, "when", {"when": "true", "context": ["s3cret"], "secrets": []})
    assert "s3cret" not in str(raised.value)
    assert "TypeError at worker.py:" in str(raised.value)


@pytest.mark.heavy
async def test_an_owner_who_was_slow_does_not_keep_the_quick_one_busy_again(pool: Pool) -> None:
    slow, another = Evaluator(pool, OWNER), Evaluator(pool, Owner("shop", "another"))
    assert (await slow.judge(step(GROUND), [answer(LONG)], RUN)).reason == "ExpressionTooSlow"
    assert pool._known_slow(OWNER)
    await another.judge(step(), [answer()], RUN)
    quick = pool._idle
    assert quick
    assert (await slow.judge(step(GROUND), [answer(LONG)], RUN)).reason == "ExpressionTooSlow"
    assert pool._idle is quick


async def test_tenants_take_turns_and_a_place_is_never_lost() -> None:
    turnstile, order, gate = Turnstile(1), list[str](), asyncio.Event()

    async def enter(tenant: str, name: str) -> None:
        async with turnstile.entered(tenant):
            order.append(name)
            await gate.wait()

    names = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]
    tasks = {name: asyncio.create_task(enter(name[0], name)) for name in names}
    await asyncio.sleep(0)
    tasks["a3"].cancel()
    gate.set()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert order == ["a1", "a2", "b1", "c1", "b2", "a4"]
    assert turnstile._free == 1
    assert turnstile._waiting == {}


def test_workers_know_neither_the_cluster_nor_the_network() -> None:
    program = "import sys, seatrial.sandbox.forkserver; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(found.stdout.split())
    assert "seatrial.judge.judgement" in modules
    assert not modules & {"kopf", "kubernetes", "httpx", "aiohttp", "asyncio", "ssl"}


def test_what_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    processes = Processes()
    with pytest.raises(OSError, match=r"closed its channel|reset by peer|Broken pipe"):
        processes.fork()
    processes.close()


def _children_of(process: int) -> set[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return {int(child) for child in found}


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
