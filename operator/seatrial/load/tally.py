"""What one worker has counted since its start."""

from time import monotonic_ns

from seatrial.load.histogram import HIGHEST, Recording

#: Up to this many requests each has a histogram of three significant digits; beyond it two, to keep the lines short.
_PRECISE_REQUESTS = 8


def digits_by_request(requests: int) -> int:
    """Significant digits of the histogram of each request, by the number of requests in the spec."""
    return 3 if requests <= _PRECISE_REQUESTS else 2


class RequestTally:
    """Counts of one of several requests.

    Attributes:
        name: Its name, if the spec does not tell it.
    """

    __slots__ = ("errors", "latency", "name", "requests")

    def __init__(self, digits: int, name: str | None = None) -> None:
        self.name = name
        self.requests = 0
        self.errors = 0
        self.latency = Recording(digits)


class Tally:
    """Counts since the start of the worker, without the warm-up.

    The histograms hold every answered request, whatever its status, and every timed-out one with the time that it was
    given: leaving those out would make a stalled server look fast. A request that was refused, reset or answered with
    garbage has no latency; it is only an error.

    Attributes:
        measured_from: Intended start, on the monotonic clock in nanoseconds, from which requests are counted.
        latency: From the intended start, in microseconds.
        service: From the actual send, in microseconds.
        ahead: What to add to the counts of ``service`` for those of the time to the first byte. Nearly every answer
            comes at once, its first byte with the last: only the others cost anything.
        in_parts: Answers of which the first byte came before the last.
        connect: Time that opening a connection took, in microseconds.
        tls: Time that its TLS handshake took besides, likewise.
        connections: Connections that were opened.
        bytes_besides: What to add to the bytes sent that follow from the numbers of requests: those of requests that
            were sent twice or that differ each time, less those of requests that ended before they were sent.
        warmup: Requests of the warm-up that ended.
        checks: Expectations that answers were held against.
        checks_failed: Those that did not hold.
        flows: Flows, or single requests with expressions, that were begun.
        flows_cut: Flows that the end of the load cut off.
        by_request: By place in the spec; empty if there is only one request.
    """

    __slots__ = (
        "ahead",
        "by_request",
        "bytes_besides",
        "bytes_received",
        "checks",
        "checks_failed",
        "connect",
        "connections",
        "dropped",
        "errors",
        "flows",
        "flows_cut",
        "in_parts",
        "lag",
        "lag_max",
        "latency",
        "measured_from",
        "requests",
        "retries",
        "service",
        "tls",
        "warmup",
    )

    def __init__(self, measured_from: int, requests: int) -> None:
        self.measured_from = measured_from
        self.requests = 0
        self.warmup = 0
        self.errors: dict[str, int] = {}
        self.dropped = 0
        self.retries = 0
        self.checks = 0
        self.checks_failed = 0
        self.flows = 0
        self.flows_cut = 0
        self.bytes_received = 0
        self.bytes_besides = 0
        self.connections = 0
        self.in_parts = 0
        self.latency = Recording()
        self.service = Recording()
        self.ahead = Recording()
        self.connect = Recording()
        self.tls = Recording()
        self.lag = Recording(2)
        self.lag_max = 0
        digits = digits_by_request(requests)
        self.by_request = [RequestTally(digits) for _ in range(requests)] if requests > 1 else []

    def answered(self, index: int, intended: int, sent: int, size: int, error: str | None, first: int = 0) -> int:
        """Counts an answer that has come this moment, and returns the moment.

        Args:
            index: Place of the request in the spec.
            intended: Intended start, on the monotonic clock in nanoseconds.
            sent: Actual send, likewise.
            size: Bytes of the answer.
            error: Kind of error that its status means, None if it is none.
            first: When its first byte came; 0 for this moment.
        """
        # The one function that every request goes through: what Recording.record does is written out.
        now = monotonic_ns()
        if intended < self.measured_from:
            self.warmup += 1
            return now
        self.requests += 1
        self.bytes_received += size
        latency, service = self.latency, self.service
        value = (now - intended) // 1000
        if value > HIGHEST:
            value = HIGHEST
        group = (value | latency.mask).bit_length() - latency.bits
        place = (group << latency.shift) + (value >> group)
        latency.counts[place] += 1
        if sent == intended:
            service.counts[place] += 1
        else:
            service.record((now - sent) // 1000)
        if first:
            self.came_ahead(first - sent, now - sent)
        if error is not None:
            self.errors[error] = self.errors.get(error, 0) + 1
        if self.by_request:
            self._of_request(index, error, value)
        return now

    def connected(self, intended: int, connect: int, tls: int | None = None) -> None:
        """Counts a connection that was opened for a request.

        Args:
            intended: Intended start of the request, on the monotonic clock in nanoseconds.
            connect: Nanoseconds that opening the connection took.
            tls: Nanoseconds that the TLS handshake took besides; None without TLS.
        """
        if intended >= self.measured_from:
            self.connections += 1
            self.connect.record(connect // 1000)
            if tls is not None:
                self.tls.record(tls // 1000)

    def timed_out(
        self, index: int, intended: int, started: int, timeout: int, waited: int = 0, kind: str = "timeout"
    ) -> None:
        """Counts a request that has not been answered in the time it was given.

        Args:
            index: Place of the request in the spec.
            intended: Intended start, on the monotonic clock in nanoseconds.
            started: When it was sent, or when connecting for it began.
            timeout: The time it was given, in nanoseconds.
            waited: Time from the send to the first byte of an answer that never became whole, likewise; 0 without one.
            kind: Kind of error: ``unanswered`` if it was the end of the load that ended the time.
        """
        if intended < self.measured_from:
            self.warmup += 1
        else:
            latency = (started - intended + timeout) // 1000
            self.requests += 1
            self.errors[kind] = self.errors.get(kind, 0) + 1
            self.latency.record(latency)
            self.service.record(timeout // 1000)
            if waited:
                self.came_ahead(waited, timeout)
            if self.by_request:
                self._of_request(index, kind, latency)

    def failed(self, index: int, intended: int, kind: str) -> None:
        """Counts a request that ended without an answer.

        Args:
            index: Place of the request in the spec.
            intended: Intended start, on the monotonic clock in nanoseconds.
            kind: Kind of error.
        """
        if intended < self.measured_from:
            self.warmup += 1
        else:
            self.requests += 1
            self.errors[kind] = self.errors.get(kind, 0) + 1
            if self.by_request:
                self._of_request(index, kind, None)

    def checked(self, index: int, intended: int, checks: int, failed: int) -> None:
        """Counts the expectations of an answer that has been counted already, and an error if one does not hold.

        Args:
            index: Place of the request in the spec.
            intended: Intended start, on the monotonic clock in nanoseconds.
            checks: Expectations.
            failed: Those that do not hold.
        """
        if intended >= self.measured_from:
            self.checks += checks
            self.checks_failed += failed
            if failed:
                self.wrong(index, intended, "check")

    def wrong(self, index: int, intended: int, kind: str) -> None:
        """Makes an error of an answer that has been counted as none.

        Args:
            index: Place of the request in the spec.
            intended: Intended start, on the monotonic clock in nanoseconds.
            kind: Kind of error.
        """
        if intended >= self.measured_from:
            self.errors[kind] = self.errors.get(kind, 0) + 1
            if self.by_request:
                self.by_request[index].errors += 1

    def drop(self, intended: int) -> None:
        """Counts an arrival that was not sent."""
        if intended >= self.measured_from:
            self.dropped += 1

    def lagged(self, lag: int) -> None:
        """Counts by how much an arrival was sent later than intended, in nanoseconds."""
        self.lag.record(lag // 1000)
        if lag > self.lag_max:
            self.lag_max = lag

    def received_besides(self, intended: int, size: int) -> None:
        """Counts the bytes of an answer that does not end its request."""
        if intended >= self.measured_from:
            self.bytes_received += size

    def sent_besides(self, intended: int, size: int) -> None:
        """Counts bytes that do not follow from the number of requests; see ``bytes_besides``."""
        if intended >= self.measured_from:
            self.bytes_besides += size

    def came_ahead(self, first: int, last: int) -> None:
        """Counts an answer whose first byte came before its last.

        Args:
            first: Nanoseconds from the actual send to the first byte.
            last: Nanoseconds from the actual send to the last byte, as they have been counted.
        """
        self.in_parts += 1
        self.ahead.record(last // 1000, -1)
        self.ahead.record(first // 1000)

    def _of_request(self, index: int, error: str | None, latency: int | None) -> None:
        tally = self.by_request[index]
        tally.requests += 1
        tally.errors += error is not None
        if latency is not None:
            tally.latency.record(latency)
