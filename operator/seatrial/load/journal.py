"""Makes the worker's lines out of what it has counted, and writes them without holding the load up."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic_ns, process_time_ns, time_ns
from typing import Protocol

from seatrial.load.cpu import Cpu
from seatrial.load.histogram import Histogram
from seatrial.load.line import RequestLine, State, WorkerLine
from seatrial.load.order_statistic import lower_rank
from seatrial.load.tally import Tally

#: Bytes of histograms that a line may have. Lines that are not the last leave the single requests' out beyond it.
_HISTOGRAM_BYTES = 150_000
#: Nanoseconds over which a rate says something: making the last line alone is no full use of a core.
_SHORTEST_INTERVAL = 500_000_000
#: Share of the CPU limit beyond which a worker is busy, and delay of its event loop in nanoseconds beyond which it is
#: late: from there on its own delays are a good part of what it measures.
_BUSY_SHARE = 0.9
_LATE = 100_000_000
#: Seconds for which the process waits at its end for a reader of its standard output.
_FLUSH_SECONDS = 10.0


class Paced(Protocol):
    """A load that is under way. Times are on the monotonic clock in nanoseconds."""

    begin: int
    end: int
    over: int
    tally: Tally
    in_flight_max: int

    @property
    def bytes_sent(self) -> int:
        """Bytes of requests."""

    @property
    def in_flight(self) -> int:
        """Requests that are unanswered."""


class Journal:
    """Makes one worker's lines.

    Args:
        worker: Number of the worker.
        pace: The load.
        measured_from: End of the warm-up, on the monotonic clock in nanoseconds.
        cores: Generators in the container, which share its CPU.
        machine: The CPU that the generator may use, if it is not one such.
        spent: Tells the CPU time that the generator has used, in nanoseconds.
        began: When the worker began, on the monotonic clock in nanoseconds, if not with its first request.

    Attributes:
        loop_lag: Greatest delay of the event loop since the last line, in nanoseconds; whoever measures it sets it.
    """

    def __init__(
        self,
        worker: int,
        pace: Paced,
        measured_from: int,
        *,
        cores: int = 1,
        machine: Cpu | None = None,
        spent: Callable[[], int] = process_time_ns,
        began: int | None = None,
    ) -> None:
        self._worker = worker
        self._pace = pace
        self._measured_from = measured_from
        self._seq = 0
        self._last = (pace.begin, spent(), 0)
        self._per_second = 0.0
        self._cpu = 0.0
        self._cpu_max = 0.0
        self._loop_lag_max = 0
        self._began = (time_ns() - monotonic_ns() + (pace.begin if began is None else began)) / 1e9
        self._machine = machine or Cpu(cores=cores)
        self._spent = spent
        self._throttled_before = self._machine.throttled()
        self._busy = 0.0
        self._late = 0.0
        self._connections = 0
        self._encoded: tuple[str | None, str | None] = (None, None)
        self.loop_lag = 0

    async def line(self, end: State | None = None) -> WorkerLine:
        """Makes the next line; lets the load go on between the histograms, each of which takes half a millisecond.

        Args:
            end: State of the last line; left out before.
        """
        pace, tally = self._pace, self._pace.tally
        now, ended = monotonic_ns(), tally.requests + tally.warmup
        loop_lag = self._look(now, ended)
        requests, errors, dropped = tally.requests, dict(tally.errors), tally.dropped
        latency = tally.latency.encode()
        await asyncio.sleep(0)
        service = tally.service.encode()
        await asyncio.sleep(0)
        ttfb = tally.service.encode_with(tally.ahead) if tally.in_parts else None
        await asyncio.sleep(0)
        connect, tls = self._opened(tally)
        size = sum(len(text or "") for text in (latency, service, ttfb, connect, tls))
        by_request = await self._by_request(size, last=end is not None)
        lag = Histogram.of_counts(tally.lag.counts, tally.lag.digits)
        seq, self._seq = self._seq, self._seq + 1
        return WorkerLine(
            worker=self._worker,
            seq=seq,
            t=round((now - pace.begin) / 1e9, 3),
            state=end or self._state(now),
            final=end == "final",
            interrupted=end == "interrupted",
            measured=round(max(min(now, pace.over) - self._measured_from, 0) / 1e9, 6),
            requests=requests,
            errors=errors,
            dropped=dropped,
            retries=tally.retries,
            checks=tally.checks,
            checks_failed=tally.checks_failed,
            flows=tally.flows,
            flows_cut=tally.flows_cut,
            ended=ended,
            bytes=tally.bytes_received,
            bytes_sent=pace.bytes_sent,
            connections=tally.connections,
            per_second=round(self._per_second, 1),
            in_flight=pace.in_flight,
            in_flight_max=pace.in_flight_max,
            lag_p99=min(lag.percentile(99), tally.lag_max // 1000),
            lag_p99_bound=min(lag.value_at(lower_rank(lag.total, 0.99)), tally.lag_max // 1000),
            lag_max=tally.lag_max // 1000,
            cpu=round(self._cpu, 3),
            cpu_max=round(self._cpu_max, 3),
            loop_lag=loop_lag // 1000,
            loop_lag_max=self._loop_lag_max // 1000,
            began=round(self._began, 3),
            limit=round(self._machine.limit, 3),
            busy=round(self._busy, 1),
            late=round(self._late, 1),
            throttled=round(self._machine.throttled() - self._throttled_before, 3),
            latency=latency,
            service=service,
            ttfb=ttfb,
            connect=connect,
            tls=tls,
            by_request=by_request,
        )

    def _opened(self, tally: Tally) -> tuple[str | None, str | None]:
        """The histograms of opening connections, encoded again only if there are new ones: most are kept."""
        if tally.connections > self._connections:
            self._connections = tally.connections
            self._encoded = tally.connect.encode(), tally.tls.encode() if any(tally.tls.counts) else None
        return self._encoded

    def _look(self, now: int, ended: int) -> int:
        """Takes the rates since the last line; if that was only just, the former ones stay.

        Returns:
            The greatest delay of the event loop in that time, in nanoseconds.
        """
        before, cpu_before, ended_before = self._last
        elapsed = now - before
        loop_lag = self.loop_lag
        self._loop_lag_max = max(self._loop_lag_max, loop_lag)
        if elapsed < _SHORTEST_INTERVAL and self._seq > 0:
            return loop_lag
        cpu_now = self._spent()
        self._last = (now, cpu_now, ended)
        self._per_second = (ended - ended_before) / max(elapsed, 1) * 1e9
        self._cpu = (cpu_now - cpu_before) / max(elapsed, 1)
        self._cpu_max = max(self._cpu_max, self._cpu)
        # What is measured of this time; the end of the load may have come long before its last answer.
        measured = max(min(now, self._pace.over) - max(before, self._measured_from), 0) / 1e9
        self._busy += measured if self._cpu > _BUSY_SHARE * self._machine.limit else 0.0
        self._late += measured if loop_lag > _LATE else 0.0
        self.loop_lag = 0
        return loop_lag

    def _state(self, now: int) -> State:
        if now < self._measured_from:
            return "warmup"
        return "running" if now < self._pace.over else "draining"

    async def _by_request(self, size: int, *, last: bool) -> tuple[RequestLine, ...]:
        lines = []
        for tally in self._pace.tally.by_request:
            latency = tally.latency.encode() if last or size < _HISTOGRAM_BYTES else None
            size += len(latency or "")
            lines.append(RequestLine(requests=tally.requests, errors=tally.errors, latency=latency, name=tally.name))
            await asyncio.sleep(0)
        return tuple(lines)


class LineWriter:
    """Writes lines to a descriptor from a thread of its own, because nobody may be reading.

    If the reader is slower than the lines come, older lines are left out: each holds all that was in those before.
    """

    def __init__(self, write: Callable[[bytes], object], *, flush_seconds: float = _FLUSH_SECONDS) -> None:
        self._write = write
        self._flush_seconds = flush_seconds
        self._waiting: deque[bytes] = deque(maxlen=1)
        self._there = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        self._closed = False
        self._failure: OSError | None = None
        self._thread.start()

    def write(self, line: str) -> None:
        """Hands a line over; returns at once."""
        self._waiting.append(line.encode() + b"\n")
        self._there.release()

    def close(self) -> None:
        """Waits until the newest line has been written, but not for ever.

        Raises:
            OSError: It could not be written.
        """
        self._closed = True
        self._there.release()
        self._thread.join(self._flush_seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"nobody read the last line for {self._flush_seconds:g} seconds")
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while True:
            self._there.acquire()
            try:
                line = self._waiting.popleft()
            except IndexError:
                if self._closed:
                    return
                continue
            try:
                self._write(line)
            except OSError as error:
                self._failure = error
                return


def write_all(descriptor: int) -> Callable[[bytes], None]:
    """Returns a function that writes bytes to a descriptor, all of them."""

    def write(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return write
