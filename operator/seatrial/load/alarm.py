"""An alarm clock that is precise to some microseconds.

Event loops wait in whole milliseconds (epoll_wait), which at 5000 requests per second would send them five at a time
and add up to a millisecond to each latency. Linux' timerfd is precise and wakes the loop like a socket. Where there is
none (a laptop that is not Linux) the loop's own timers serve.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

_NANOSECONDS = 1_000_000_000
_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1


class Alarm(Protocol):
    """Calls a function at a moment, one moment at a time."""

    def at(self, moment: int) -> None:
        """Sets the moment, on the monotonic clock in nanoseconds; a former one that has not come is forgotten."""

    def close(self) -> None:
        """Calls no more."""


def alarm(call: Callable[[], None]) -> Alarm:
    """Makes the most precise alarm that there is, in the running event loop."""
    return _TimerFd(call) if sys.platform == "linux" else _LoopTimer(call)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class _TimerFd:
    """timerfd_create(2), which Python itself has from 3.13 on."""

    def __init__(self, call: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _TimerSpec()
        self._spec_address = ctypes.byref(self._spec)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._ring)
        self._call = call

    def at(self, moment: int) -> None:
        # Setting the time also clears the expiry, so that the descriptor need not be read. Zero would mean never.
        value = self._spec.value
        value.seconds, value.nanoseconds = divmod(max(moment, 1), _NANOSECONDS)
        if self._settime(self._fd, _TFD_TIMER_ABSTIME, self._spec_address, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # set anew between the expiry and this call
        self._call()


class _LoopTimer:
    """The event loop's own timers."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def at(self, moment: int) -> None:
        self.close()
        self._handle = self._loop.call_later(max(moment - monotonic_ns(), 0) / _NANOSECONDS, self._call)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
