"""What one worker's script has sent, counted request by request, with results of their own by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic_ns, time_ns

from seatrial.api.script import NAME_LENGTH
from seatrial.load.named import MOST_NAMES, OTHER, name_digits
from seatrial.load.tally import RequestTally, Tally

#: Before any moment of the monotonic clock.
_ALWAYS = -(1 << 62)


@dataclass(frozen=True)
class Times:
    """What a tool tells of the parts of a request, in seconds.

    Attributes:
        first_byte: From the actual send to the first byte of the answer; None if it does not tell.
        connect: Opening a connection took that long; None if one was there or the tool does not tell.
        tls: The TLS handshake took that long besides; None without.
    """

    first_byte: float | None = None
    connect: float | None = None
    tls: float | None = None


_UNTOLD = Times()


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
        # Those that thresholds name always have a place.
        self._by_name: dict[str, RequestTally] = {}
        self._most = MOST_NAMES - len(self._named) - 1
        self._offset = time_ns() - monotonic_ns()

    def request(
        self,
        name: str,
        end: float,
        latency: float,
        service: float,
        error: str | None,
        *,
        timed: bool = True,
        size: int = 0,
        times: Times = _UNTOLD,
    ) -> None:
        """Counts a request.

        Args:
            name: Its name.
            end: When it ended, in seconds since 1970.
            latency: Seconds from when it was to be sent until it ended, opening a connection included.
            service: Seconds from its actual send until it ended.
            error: Kind of error; None if it is none.
            timed: Whether it has a latency: one that was refused or reset has none.
            size: Bytes of the answer, if the tool tells them with the request.
            times: Its parts.
        """
        ended = int(end * 1e9) - self._offset
        start = ended - int(latency * 1e9)
        tally = self.tally
        if self.begin is None:
            self.begin = start
            # Without a warm-up all count, those too that began before the first one to end.
            tally.measured_from = start + self._warmup if self._warmup else _ALWAYS
        self.last = max(self.last, ended)
        if start < tally.measured_from:
            tally.warmup += 1
            return
        each = self._by_name.get(name) or self._new(name)
        tally.requests += 1
        tally.bytes_received += size
        each.requests += 1
        if error is not None:
            tally.errors[error] = tally.errors.get(error, 0) + 1
            each.errors += 1
        if timed:
            microseconds = int(latency * 1e6)
            tally.latency.record(microseconds)
            tally.service.record(int(service * 1e6))
            each.latency.record(microseconds)
            if times.first_byte is not None:
                tally.came_ahead(int(times.first_byte * 1e9), int(service * 1e6) * 1000)
        if times.connect is not None:
            tally.connected(start, int(times.connect * 1e9), None if times.tls is None else int(times.tls * 1e9))

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
            self._by_name[short] = RequestTally(name_digits(short, self._named), short)
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
