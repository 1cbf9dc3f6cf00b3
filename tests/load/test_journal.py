import asyncio
import os
import random
import threading
import time
from time import monotonic_ns

import pytest
import uvloop

from seatrial.api.load import LoadSpec
from seatrial.load.assignment import assignment
from seatrial.load.journal import Journal, LineWriter, write_all
from seatrial.load.line import WorkerLine
from seatrial.load.users import Users


def test_lines_are_written_in_order_and_all_before_the_end() -> None:
    written: list[bytes] = []
    lines = LineWriter(written.append)
    for text in ("one", "two", "three"):
        lines.write(text)
        deadline = time.monotonic() + 5
        while written[-1:] != [text.encode() + b"\n"] and time.monotonic() < deadline:
            time.sleep(0.001)
    lines.write("last")
    lines.close()
    assert written == [b"one\n", b"two\n", b"three\n", b"last\n"]


def test_a_reader_that_is_slow_holds_nobody_up_and_gets_the_newest() -> None:
    written: list[bytes] = []
    go_on = threading.Event()

    def slow(data: bytes) -> None:
        go_on.wait(10)
        written.append(data)

    lines = LineWriter(slow)
    for number in range(1000):
        lines.write(str(number))
    go_on.set()
    lines.close()
    assert written[-1] == b"999\n"
    assert len(written) <= 3


def test_a_writer_without_lines_closes() -> None:
    LineWriter(lambda _: pytest.fail("nothing was to be written")).close()


def test_a_line_that_nobody_reads_is_not_reported() -> None:
    go_on = threading.Event()
    lines = LineWriter(lambda _: go_on.wait(10), flush_seconds=0.05)
    lines.write("last")
    with pytest.raises(TimeoutError, match="nobody read"):
        lines.close()
    go_on.set()


def test_a_reader_that_is_gone_is_noticed() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lines = LineWriter(write_all(writer))
    lines.write("last")
    with pytest.raises(BrokenPipeError):
        lines.close()
    os.close(writer)


@pytest.mark.parametrize("requests", [1, 8, 9, 50])
def test_the_worst_line_is_no_burden_for_a_log(requests: int) -> None:
    """Latencies spread evenly over seven powers of ten, in all histograms."""
    chance = random.Random(1)  # noqa: S311 - no secret

    async def lines() -> list[WorkerLine]:
        spec = LoadSpec.model_validate(
            {
                "target": {"service": "web"},
                "profile": {"users": 1, "duration": "1h"},
                "requests": [{"path": f"/{n}"} for n in range(requests)],
            }
        )
        begin = monotonic_ns()
        pace = Users(assignment(spec, host="127.0.0.1", port=1, index=0), begin)
        for n in range(100_000):
            now = monotonic_ns()
            latency = int(10 ** chance.uniform(3, 10))
            pace.tally.measured_from = now - 2 * latency
            pace.tally.answered(n % requests, now - latency, now - latency // 3, 500, None, now - latency // 5)
            pace.tally.connected(now - latency, latency // 7, latency // 9)
        journal = Journal(0, pace, begin)
        return [await journal.line(), await journal.line("final")]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        live, final = runner.run(lines())
    assert len(live.to_text()) < 180_000
    assert live.requests == sum(entry.requests for entry in live.by_request) or requests == 1
    # The last line holds all, however long it is.
    assert all(entry.latency is not None for entry in final.by_request)
    assert len(final.to_text()) < 300_000


def test_a_worker_that_is_out_of_cpu_says_for_how_long() -> None:
    async def busy() -> WorkerLine:
        share = assignment(
            LoadSpec.model_validate({"target": {"service": "web"}, "profile": {"users": 1, "duration": "1h"}}),
            host="127.0.0.1",
            port=1,
            index=0,
        )
        begin = monotonic_ns()
        journal = Journal(0, Users(share, begin), begin)
        while monotonic_ns() < begin + 600_000_000:
            pass
        journal.loop_lag = 200_000_000
        line = await journal.line()
        again = await journal.line()
        assert again.busy == line.busy
        return line

    line = asyncio.run(busy())
    assert line.late == pytest.approx(0.6, abs=0.2)
    # Others may have had the core meanwhile.
    assert line.busy == pytest.approx(0.6 if line.cpu > 0.9 * line.limit else 0.0, abs=0.2)
