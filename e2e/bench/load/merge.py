"""What the operator pays for the lines of 100 workers, one a second each: an hour of them, on their real way."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic_ns
from typing import Any

from e2e.bench.figure import Figure
from e2e.bench.load.trial import ROUNDS
from seatrial.api.load import LoadSpec
from seatrial.api.status import LoadResult
from seatrial.engine.session import WorkerLines
from seatrial.load.journal import Journal
from seatrial.load.line import parse_line
from seatrial.load.tally import Tally
from seatrial.plan.load import present

_WORKERS = 100
_HOUR = 3600
#: Different lines of each worker; after the last one come the first ones again, with other numbers.
_LINES = 20
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
    """Takes in an hour of lines in so many parts of equal length.

    The lines of each second are read, checked and taken in one by one; then the result of all is made and its
    thresholds are judged, as in the operator, where a second's lines lead to one turn or two. What is measured is
    the CPU time for one turn; the turn's own cost besides, such as the write of the status, is not in it.
    """
    lines = asyncio.run(_lines())
    operator = _Operator(WorkerLines(_SPEC))
    shares, memory = [], []
    for part in range(rounds):
        begin = time.process_time()
        for second in range(part * _HOUR // rounds, (part + 1) * _HOUR // rounds):
            operator.second(second, lines)
        shares.append((time.process_time() - begin) / (_HOUR // rounds) * 100)
        memory.append(_memory_mib())
    values = {
        "workers": _WORKERS,
        "seconds": _HOUR,
        "line_bytes": round(sum(len(line[-1]) for line in lines) / _WORKERS),
        "memory_first_mib": round(memory[0], 1),
        "memory_last_mib": round(memory[-1], 1),
    }
    return [Figure("load.merge100.core_share", round(median(shares), 2), "%", 20, "lower", values)]


@dataclass
class _Operator:
    """The part of the operator that lines go through."""

    lines: WorkerLines
    result: LoadResult | None = field(default=None)

    def second(self, second: int, texts: list[list[str]]) -> None:
        for worker, variants in enumerate(texts):
            text = _renumbered(variants[second % _LINES], second)
            assert self.lines.take(worker, parse_line(text))
        self.result = present(_SPEC, self.lines.seen(), self.result, final=False)
        assert self.result.workers_reporting == _WORKERS


def _renumbered(line: str, second: int) -> str:
    """Makes the line of another second; the numbers that matter for the order of lines are at its beginning."""
    return re.sub(r'"seq":\d+,"t":[\d.]+', f'"seq":{second},"t":{second}.0', line, count=1)


class _Pace:
    """As much of a load that goes on as a journal looks at."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.begin = monotonic_ns()
        self.end = self.begin + _HOUR * 1_000_000_000
        self.in_flight = self.in_flight_max = 10
        self.bytes_sent = 0


async def _lines() -> list[list[str]]:
    """Lines as workers make them: each holds the requests of those before it, and so many more."""
    random = Random(1)  # noqa: S311 - no secret
    lines = []
    for worker in range(_WORKERS):
        tally = Tally(0, 1)
        pace: Any = _Pace(tally)
        journal = Journal(worker, pace, pace.begin)
        texts = []
        for _ in range(_LINES):
            for _ in range(_REQUESTS_A_LINE):
                sent = monotonic_ns() - round(random.lognormvariate(16.8, 0.6))  # 20 ms, and a tail
                tally.answered(0, sent - round(random.expovariate(1e-5)), sent, 200, None)
            texts.append((await journal.line()).to_text())
        lines.append(texts)
    return lines


def _memory_mib() -> float:
    """Memory that this process holds, in MiB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MIB
