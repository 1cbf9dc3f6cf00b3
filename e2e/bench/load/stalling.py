"""A server that stalls: ``python -m e2e.bench.load.stalling PORT``.

It answers each request after a fixed delay, unless that is within the first seconds of a period: then when these are
over. Periods follow from the monotonic clock, so that they are the same for everybody.
"""

import asyncio
import signal
import sys
from collections import deque
from time import monotonic_ns
from typing import cast

import uvloop

from seatrial.load.alarm import Alarm, alarm

#: Delay of an answer, length of a stall, and of a period, which begins with one; in seconds.
DELAY = 0.1
STALL = 2.0
PERIOD = 10.0

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_DELAY, _STALL, _PERIOD = (int(seconds * 1e9) for seconds in (DELAY, STALL, PERIOD))


def due(came: int) -> int:
    """When a request is answered that came at a moment, both on the monotonic clock in nanoseconds."""
    moment = came + _DELAY
    into = moment % _PERIOD
    return moment if into >= _STALL else moment - into + _STALL


class _Answers:
    """Answers that are due, in the order in which their requests came: that is also when they are."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, asyncio.Transport]] = deque()
        self._alarm: Alarm = alarm(self._answer)

    def ask(self, transport: asyncio.Transport) -> None:
        self._waiting.append((due(monotonic_ns()), transport))
        if len(self._waiting) == 1:
            self._alarm.at(self._waiting[0][0])

    def _answer(self) -> None:
        now = monotonic_ns()
        while self._waiting and self._waiting[0][0] <= now:
            transport = self._waiting.popleft()[1]
            if not transport.is_closing():
                transport.write(_ANSWER)
        if self._waiting:
            self._alarm.at(self._waiting[0][0])


class _Protocol(asyncio.Protocol):
    def __init__(self, answers: _Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        # All requests of these benchmarks are a GET in one piece.
        for _ in range(data.count(b"\r\n\r\n")):
            self._answers.ask(self._transport)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    answers = _Answers()
    server = await loop.create_server(lambda: _Protocol(answers), "127.0.0.1", port, backlog=4096)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    print("ready", flush=True)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
