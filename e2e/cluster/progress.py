"""Progress as plain lines, so that a terminal and a CI log show the same."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Prints one line when a step starts and one when it is done, with the seconds since the start.

    Lines go to standard error: standard output belongs to results such as the kubeconfig's path.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def elapsed(self) -> float:
        """Seconds since this object was made."""
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        """Prints one line; steps that run in parallel do not tear each other's lines."""
        with self._lock:
            sys.stderr.write(f"[{self.elapsed():6.1f}s] {text}\n")
            sys.stderr.flush()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announces a step, and says how it ended and how many seconds it took."""
        self.say(f"{name} ...")
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.say(f"{name}: failed after {time.monotonic() - began:.1f} s")
            raise
        self.say(f"{name}: done in {time.monotonic() - began:.1f} s")
