"""Locust as a tool: how it is called, what its records say, and what its end means. Pure.

A master shares the users out among one worker process in each pod; the pod of worker 0 has the master as well. What
is measured comes from the worker processes, by a plugin that runs inside them.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

from seatrial.load.ending import Ending, EndingKind
from seatrial.load.plugin import FILE, SAMPLES_VARIABLE, SECONDS_VARIABLE, STAGES_VARIABLE
from seatrial.load.ramp import Ramp
from seatrial.load.samples import Samples, request_name
from seatrial.load.script import ScriptShare

PROGRAM: Final = "locust"
#: Port of the master; that beside it is for heartbeats in old versions.
MASTER_PORT: Final = 5557
#: Seconds that the master waits for the others, and that requests are given at the end by default.
_WAIT_SECONDS, _STOP_SECONDS = 60, 10

#: Kinds of error by what exceptions are called or say, the first that is found.
_KINDS: Final = (
    (r"SSL|certificate", "tls"),
    (r"NameResolution|getaddrinfo|gaierror|Name or service|Temporary failure in name", "dns"),
    (r"ConnectTimeout|NewConnectionError|refused|unreachable", "connect"),
    (r"[Tt]ime(d )?-?out", "timeout"),
    (r"[Rr]eset|RemoteDisconnected|[Aa]borted|[Bb]roken pipe|ConnectionError|closed", "reset"),
    (r"ChunkedEncoding|ContentDecoding|BadStatusLine|IncompleteRead|HTTPParse|InvalidHeader", "protocol"),
)
#: What Locust writes before its own words.
_PREFIX = re.compile(r"^\[[^]]*\] \S+/(?P<level>[A-Z]+)/\S+: ")


class RecordsError(RuntimeError):
    """What the plugin writes is not what it should be."""


class Locust:
    """Locust as the engine of one worker.

    Args:
        share: What to do.
        samples: Counts what it measures.
        leader: Address of worker 0, whose pod has the master.
    """

    def __init__(self, share: ScriptShare, samples: Samples, leader: str = "") -> None:
        self._share = share
        self._leader = leader
        self._records = Records(samples, share.address)
        self._words = Words()
        self.feed = self._records.feed
        self.take = self._words.take

    def commands(self, path: str, sink: int) -> list[list[str]]:  # noqa: ARG002 - its environment tells of the sink
        """Returns the command lines of the processes of this pod, the one with users last."""
        return commands(self._share, path, self._leader)

    def environment(self, sink: int) -> dict[str, str]:
        """Returns environment variables for the plugin."""
        profile, told = self._share.spec.profile, {SAMPLES_VARIABLE: str(sink), "PYTHONUNBUFFERED": "1"}
        if not profile.scripted:
            told[SECONDS_VARIABLE] = f"{self._share.seconds:g}"
        if profile.stages:
            legs = [(leg.length / 1e9, leg.before, leg.after) for leg in Ramp.of(profile).legs]
            told[STAGES_VARIABLE] = json.dumps(legs)
        return told

    def ending(self, codes: Sequence[int]) -> Ending:
        """Says what the exit codes mean."""
        return ending(codes, self._records.quit_codes, self._words.said)

    def busiest(self, pids: Sequence[int]) -> Sequence[int]:
        """The process with users is one thread: it is what runs out of CPU."""
        return pids[-1:]

    @property
    def cores(self) -> float:
        """Cores that it can use."""
        return 1.0


def commands(share: ScriptShare, path: str, leader: str) -> list[list[str]]:
    """Returns the command lines.

    Args:
        share: What to do.
        path: The script's file.
        leader: Address of worker 0.
    """
    both = [PROGRAM, f"--locustfile={FILE},{path}", "--headless", "--loglevel=WARNING", "--only-summary"]
    workers = share.spec.workers
    worker = [*both, "--worker", f"--master-port={MASTER_PORT}"]
    if share.index > 0:
        return [[*worker, f"--master-host={leader}"]]
    # What requests come to is judged on the merge; here only what the script itself sets counts.
    leading = [*both, f"--host={share.address}", "--exit-code-on-error=0", *_level(share), *share.script.args]
    if workers == 1:
        return [leading]
    master = ["--master", f"--master-bind-port={MASTER_PORT}"]
    master += [f"--expect-workers={workers}", f"--expect-workers-max-wait={_WAIT_SECONDS}"]
    return [[*leading, *master], [*worker, "--master-host=127.0.0.1"]]


def _level(share: ScriptShare) -> list[str]:
    profile = share.spec.profile
    stop = profile.graceful_stop.total_seconds() if profile.graceful_stop is not None else _STOP_SECONDS
    words = [f"--stop-timeout={stop:g}"]
    if profile.scripted or profile.stages:
        return words
    # All at once, as in our own closed model; --spawn-rate among the arguments comes later and counts.
    return [*words, f"--users={profile.users}", f"--spawn-rate={profile.users}"]


def ending(codes: Sequence[int], told: Sequence[int], said: str) -> Ending:
    """What exit codes mean.

    Args:
        codes: Those of the processes.
        told: Those with which processes said that they end in good order.
        said: What Locust said.
    """
    bad = [code for code in codes if code != 0]
    if not codes or any(code not in told for code in bad):
        return Ending(EndingKind.ERROR, said or f"Locust ended with exit code {bad[0] if bad else 'none'}")
    if bad:
        return Ending(EndingKind.COMPLAINT, f"the script sets exit code {bad[0]}" + (f": {said}" if said else ""))
    return Ending(EndingKind.GOOD)


class Words:
    """What Locust says: its errors, the last line of a traceback, or whatever came last."""

    def __init__(self) -> None:
        self._error = ""
        self._last = ""

    def take(self, line: str) -> None:
        """Takes in a line."""
        text = line.strip()
        if not text:
            return
        found = _PREFIX.match(text)
        if found and found["level"] in {"ERROR", "CRITICAL"}:
            self._error = text[found.end() :]
        elif re.match(r"^(\w+\.)*\w*(Error|Exception)\b", text):
            self._error = text
        elif not found:
            self._last = text

    @property
    def said(self) -> str:
        """The errors that it ended with, or its last words."""
        return self._error or self._last


class Records:
    """Reads the plugin's records as they come.

    Args:
        samples: Counts what they say.
        address: The target's address, which is left out of names.

    Attributes:
        quit_codes: Exit codes with which processes said that they end in good order.
    """

    def __init__(self, samples: Samples, address: str) -> None:
        self._samples = samples
        self._address = address
        self._rest = b""
        self.quit_codes: list[int] = []

    def feed(self, data: bytes) -> None:
        """Reads a piece of the output, which may end anywhere.

        Raises:
            RecordsError: It is not the plugin's.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                self._record(json.loads(line))
            except (ValueError, TypeError, IndexError) as error:
                raise RecordsError(f"not a record of a request: {line[:100]!r}") from error

    def _record(self, record: list[object]) -> None:
        match record:
            case ["r", float(end), float() | int() as seconds, kind, str(name), int(size), int(status), str(exception)]:
                self._request(end, float(seconds), f"{kind}", name, size, status, exception)
            case ["e", str(message)]:
                self._samples.threw(message)
            case ["q", int(code)]:
                self.quit_codes.append(code)
            case _:
                raise ValueError("unknown record")

    def _request(
        self, end: float, seconds: float, kind: str, name: str, size: int, status: int, exception: str
    ) -> None:
        error = error_kind(status, exception)
        self._samples.request(
            request_name(kind, name, self._address),
            end,
            seconds,
            seconds,
            error,
            timed=error is None or error == "timeout" or status != 0,
            size=size,
        )


def error_kind(status: int, exception: str) -> str | None:
    """Kind of error of a request; None if it is none.

    Args:
        status: Its status; 0 if it was not answered.
        exception: The exception with which Locust calls it a failure; empty if it does not.
    """
    if not exception:
        return None
    if status >= 500:
        return "status5xx"
    if status >= 400:
        return "status4xx"
    if status:
        return "check"
    return next((kind for pattern, kind in _KINDS if re.search(pattern, exception)), "other")
