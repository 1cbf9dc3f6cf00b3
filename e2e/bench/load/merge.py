"""What the operator pays for the lines of 100 workers, one a second each, and what it keeps of an hour of them."""

import asyncio
import re
import time
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic_ns

from e2e.bench.figure import Figure
from e2e.bench.load.trial import ROUNDS
from seatrial.api.load import LoadSpec
from seatrial.api.status import LoadResult
from seatrial.engine.session import WorkerLines
from seatrial.load.arrivals import Arrivals
from seatrial.load.assignment import assignment
from seatrial.load.journal import Journal
from seatrial.load.line import parse_line
from seatrial.plan.load import present

_WORKERS = 100
_HOUR = 3600
#: Seconds of each part whose CPU time is measured, a line of each worker for every one; and turns a second, because a
#: line leads to one within half a second.
_PART = 30
_TURNS = 2
#: Seconds between turns in the hour, in which memory is what matters.
_SELDOM = 5
_REQUESTS_A_LINE = 500
_SPEC = LoadSpec.model_validate(
    {
        "target": {"service": "target"},
        "workers": _WORKERS,
        "profile": {"rate": _WORKERS * _REQUESTS_A_LINE, "duration": "1h"},
        "thresholds": [
            {"expr": "latency.p99 < duration('250ms')", "abortOnFail": True},
            {"expr": "errors.rate < 0.01"},
        ],
    }
)
_PAGE_MIB = 4096 / 2**20


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Takes in lines, on the way that they take in the operator.

    Each line is read, checked and taken in; in each turn the result of all is made and its thresholds are judged. What
    a turn costs besides, such as the write of the status, is not in it. First the CPU time is measured in so many parts
    of half a minute, with all turns that there are at most. Then follows an hour of lines, at the beginning and at the
    end of which the memory of the process is looked at.
    """
    texts = asyncio.run(lines(_PART))
    shares = []
    for _ in range(rounds):
        operator, begin = Operator(), time.process_time()
        for second in range(_PART):
            operator.second(second, [line[second] for line in texts], turns=_TURNS)
        shares.append((time.process_time() - begin) / _PART * 100)
    # Counts only ever grow, so in the hour each line stands for all of two minutes.
    operator, before = Operator(), _memory_mib()
    for second in range(_HOUR):
        operator.second(second, [line[second * _PART // _HOUR] for line in texts], turns=second % _SELDOM == 0)
        if second == _HOUR // 10:
            before = _memory_mib()
    values = {
        "workers": _WORKERS,
        "turns_per_second": _TURNS,
        "line_bytes": round(sum(len(line[-1]) for line in texts) / _WORKERS),
        "memory_6_minutes_mib": round(before, 1),
        "memory_60_minutes_mib": round(_memory_mib(), 1),
    }
    return [Figure("load.merge100.core_share", round(median(shares), 2), "%", 20, "lower", values)]


class Operator:
    """The part of the operator that lines go through.

    Attributes:
        result: The result as the status would show it.
    """

    def __init__(self) -> None:
        self._lines = WorkerLines(_SPEC)
        self.result: LoadResult | None = None

    def second(self, second: int, texts: list[str], *, turns: int) -> None:
        """Takes in a line of each worker, with so many turns in between."""
        for worker, text in enumerate(texts):
            assert self._lines.take(worker, parse_line(_renumbered(text, second)))
            if turns and (worker + 1) % (_WORKERS // turns) == 0:
                self.result = present(_SPEC, self._lines.seen(), self.result, final=False)


def _renumbered(line: str, second: int) -> str:
    """Makes the line of another second."""
    line = re.sub(r'"seq":\d+,"t":[\d.]+', f'"seq":{second},"t":{second}.0', line, count=1)
    return re.sub(r'"measured":[\d.]+', f'"measured":{second + 1}.0', line, count=1)


async def lines(count: int) -> list[list[str]]:
    """Makes so many lines of each worker as workers do: each holds the requests of those before it, and more."""
    random = Random(1)  # noqa: S311 - no secret
    made = []
    for worker in range(_WORKERS):
        # It began a minute ago, so that what has just been answered lies within what it measures.
        begin = monotonic_ns() - 60_000_000_000
        pace = Arrivals(assignment(_SPEC, host="127.0.0.1", port=80, index=worker), begin)
        journal = Journal(worker, pace, begin)
        texts = []
        for _ in range(count):
            for _ in range(_REQUESTS_A_LINE):
                sent = monotonic_ns() - round(random.lognormvariate(16.8, 0.6))  # 20 ms, and a tail
                pace.tally.answered(0, sent - round(random.expovariate(1e-5)), sent, 200, None)
            texts.append((await journal.line()).to_text())
        made.append(texts)
    return made


def _memory_mib() -> float:
    """Memory that this process holds, in MiB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MIB
