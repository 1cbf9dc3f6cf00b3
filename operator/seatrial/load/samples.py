"""What one worker's script has sent, counted request by request, with results of their own by name."""

from collections.abc import Sequence
from time import monotonic_ns, time_ns

from seatrial.load.tally import RequestTally, Tally

#: Most requests with results of their own; further ones are counted together under this name.
MOST_NAMES = 50
OTHER = "(other)"
#: Characters of a name that are told apart.
NAME_LENGTH = 50


class Samples:
    """Takes in what a tool has measured of each request.

    The tool has measured with a clock of its own, the one that tells the time of day. Requests are counted from the
    start of the first one on: how long a tool took to start says nothing about the service.

    Args:
        warmup: Nanoseconds from the first request on whose requests are not counted.
        named: Names of requests that thresholds name.

    Attributes:
        tally: What has been counted.
        begin: Start of the first request, on the monotonic clock in nanoseconds; None before.
        last: End of the latest request, likewise.
        exceptions: Iterations of the script that ended with an exception.
        exception: The first of their messages.
    """

    def __init__(self, warmup: int = 0, named: Sequence[str] = ()) -> None:
        self.tally = Tally(0, 0)
        self.begin: int | None = None
        self.last = 0
        self.exceptions = 0
        self.exception = ""
        self._warmup = warmup
        self._named = frozenset(named)
        self._digits = 3 if len(named) <= 8 else 2
        # Those that thresholds name always have a place.
        self._by_name: dict[str, RequestTally] = {}
        self._most = MOST_NAMES - len(self._named) - 1
        self._offset = time_ns() - monotonic_ns()

    def request(
        self, name: str, end: float, latency: float, service: float, error: str | None, *, timed: bool = True
    ) -> None:
        """Counts a request.

        Args:
            name: Its name.
            end: When it ended, in seconds since 1970.
            latency: Seconds from when it was to be sent until it ended, opening a connection included.
            service: Seconds from its actual send until it ended.
            error: Kind of error; None if it is none.
            timed: Whether it has a latency: one that was refused or reset has none.
        """
        ended = int(end * 1e9) - self._offset
        start = ended - int(latency * 1e9)
        tally = self.tally
        if self.begin is None:
            self.begin = start
            # Without a warm-up all count, those too that began before the first one to end.
            tally.measured_from = start + self._warmup if self._warmup else 0
        self.last = max(self.last, ended)
        if start < tally.measured_from:
            tally.warmup += 1
            return
        each = self._by_name.get(name) or self._new(name)
        tally.requests += 1
        each.requests += 1
        if error is not None:
            tally.errors[error] = tally.errors.get(error, 0) + 1
            each.errors += 1
        if timed:
            microseconds = int(latency * 1e6)
            tally.latency.record(microseconds)
            tally.service.record(int(service * 1e6))
            each.latency.record(microseconds)

    def counts(self, at: float) -> bool:
        """Whether what happened at a time, in seconds since 1970, is measured."""
        return self.begin is not None and int(at * 1e9) - self._offset >= self.tally.measured_from

    def threw(self, message: str) -> None:
        """Counts an iteration that ended with an exception, whenever it did."""
        self.exceptions += 1
        self.exception = self.exception or message

    def _new(self, name: str) -> RequestTally:
        """The tally of a name that is none yet: too long, one too many, or new."""
        short = name[:NAME_LENGTH]
        if short not in self._by_name and short not in self._named and len(self._by_name) >= self._most:
            short = OTHER
        if short not in self._by_name:
            self._by_name[short] = RequestTally(self._digits if short in self._named else 2, short)
            self.tally.by_request.append(self._by_name[short])
        return self._by_name[short]


def request_name(method: str, name: str, address: str) -> str:
    """The name of a request as the engine Http would give it: method and path, without query, if the script gives none.

    Args:
        method: Its method.
        name: Its name in the script, or its URL.
        address: The target's address, which is left out.
    """
    if name.startswith(address + "/") or name == address:
        name = name[len(address) :] or "/"
    if name.startswith("/"):
        return f"{method} {name.partition('?')[0]}"
    return f"{method} {name}" if name.startswith(("http://", "https://")) else name
