"""k6 as a tool: how it is called, what its rows of samples say, and what its end means.

Rows are those of its output ``csv``, with all of its system tags.
"""

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.load.cpu import Cpu
from seatrial.load.ending import Ending, EndingKind
from seatrial.load.samples import Samples, Times, request_name
from seatrial.load.script import ScriptShare

PROGRAM: Final = "k6"

#: Rows come with microseconds, and often enough for a line a second to be of that second.
ENVIRONMENT: Final = {"K6_CSV_TIME_FORMAT": "unix_micro", "K6_CSV_SAVE_INTERVAL": "200ms"}

#: What a row is read for; a script can switch k6's tags off.
COLUMNS: Final = ("metric_name", "timestamp", "metric_value", "error_code", "group", "method", "name", "status")
#: Rows of one request come together, in this order.
_FIRST, _LAST = "http_req_duration", "http_req_receiving"
#: What runs before and after the load, in each worker.
_ASIDE = frozenset({"::setup", "::teardown"})
#: A row is not longer than this, or it is none.
_ROW_BYTES = 1 << 20

#: Exit codes (k6's errext/exitcodes).
_THRESHOLDS, _MARKED_AS_FAILED = 99, 110
#: Kinds of error by error code (k6's documentation, "Error codes"), the first range in which it is.
_KINDS: Final = (
    (1050, 1050, "timeout"),
    (1100, 1199, "dns"),
    (1210, 1219, "connect"),
    (1200, 1299, "reset"),
    (1310, 1310, "tlsAuthority"),
    (1311, 1311, "tlsName"),
    (1300, 1399, "tls"),
    (1400, 1499, "status4xx"),
    (1500, 1599, "status5xx"),
    (1000, 1999, "protocol"),
)


class RowsError(RuntimeError):
    """What k6 writes is not what is known of it."""


class K6:
    """k6 as the engine of one worker: one process on as many cores as there are.

    Args:
        share: What to do.
        samples: Counts what it measures.
    """

    def __init__(self, share: ScriptShare, samples: Samples) -> None:
        self._share = share
        self._rows = Rows(samples, share.address)
        self._words = Words(samples)
        self.feed = self._rows.feed
        self.take = self._words.take

    def commands(self, path: str, sink: int) -> list[list[str]]:
        """Returns the command line."""
        return [command(self._share, path, f"/proc/self/fd/{sink}")]

    def environment(self, sink: int) -> dict[str, str]:  # noqa: ARG002 - its command line tells of the sink
        """Returns environment variables for k6."""
        # Go takes all cores of a node for its own, and a container with a limit is throttled for it.
        return {**ENVIRONMENT, "GOMAXPROCS": str(math.ceil(Cpu(most=self.cores).limit))}

    def ending(self, codes: Sequence[int]) -> Ending:
        """Says what the exit code means."""
        return ending(codes[0], self._words.said) if codes else Ending(EndingKind.ERROR, "k6 did not end")

    def busiest(self, pids: Sequence[int]) -> Sequence[int]:
        """Its use of the CPU is that of its one process."""
        return pids

    @property
    def cores(self) -> float:
        """Cores that it can use."""
        return float(os.cpu_count() or 1)


def command(share: ScriptShare, path: str, samples: str) -> list[str]:
    """Returns the command line.

    Args:
        share: What to do.
        path: The script's file.
        samples: The file that rows are to be written to.
    """
    words = [PROGRAM, "run", "--quiet", "--no-summary", "--no-color", "--no-usage-report", "--log-format=json"]
    # No REST API: its port could be taken, and nobody asks it.
    words += ["--address=", f"--out=csv={samples}"]
    workers = share.spec.workers
    if workers > 1:
        words.append(f"--execution-segment={share.index}/{workers}:{share.index + 1}/{workers}")
        words.append(f"--execution-segment-sequence=0,{','.join(f'{n}/{workers}' for n in range(1, workers))},1")
    return [*words, *_level(share), *share.script.args, path]


def _level(share: ScriptShare) -> list[str]:
    """How much load of all workers there is, of which k6 takes its segment; nothing if the script says so itself."""
    profile = share.spec.profile
    if profile.scripted:
        return []
    if profile.stages:
        stages = [f"--stage={stage.duration.total_seconds():g}s:{stage.users or 0}" for stage in profile.stages]
        return [f"--vus={profile.start}", *stages]
    return [f"--vus={profile.users}", f"--duration={share.seconds:g}s"]


def ending(code: int, said: str) -> Ending:
    """What an exit code means.

    Args:
        code: The exit code.
        said: What k6 said of it.
    """
    if code == 0:
        return Ending(EndingKind.GOOD)
    if code in (_THRESHOLDS, _MARKED_AS_FAILED):
        return Ending(EndingKind.COMPLAINT, said or "its own thresholds have been crossed")
    return Ending(EndingKind.ERROR, said or f"k6 ended with exit code {code}")


class Words:
    """What k6 says, line by line as JSON.

    Args:
        samples: Told of iterations that ended with an exception.
    """

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._errors: list[str] = []
        self._last = ""

    def take(self, line: str) -> None:
        """Takes in a line."""
        try:
            entry = json.loads(line)
            level, message = entry["level"], " ".join(str(entry["msg"]).split())
        except (ValueError, KeyError, TypeError):
            self._last = line  # a panic, or a program that is not k6
            return
        if entry.get("source") == "stacktrace":
            self._samples.threw(message)
        elif level in ("error", "fatal") and entry.get("source") != "console" and message not in self._errors:
            self._errors = [*self._errors, message][-2:]

    @property
    def said(self) -> str:
        """The errors that it ended with, or its last words."""
        return "; ".join(self._errors) or self._last


class Rows:
    """Reads rows as they come.

    Args:
        samples: Counts what they say.
        address: The target's address, which is left out of names.
    """

    def __init__(self, samples: Samples, address: str) -> None:
        self._samples = samples
        self._address = address
        self._rest = b""
        self._place: Mapping[str, int] = {}
        self._times: dict[str, float] = {}

    def feed(self, data: bytes) -> None:
        """Reads a piece of the output, which may end anywhere.

        Raises:
            RowsError: It is not k6's.
        """
        block = self._rest + data
        end = block.rfind(b"\n") + 1
        # Names may hold line ends, in quotes: whole rows have an even number of these.
        if not end or block.count(b'"', 0, end) % 2:
            if len(block) > _ROW_BYTES:
                raise RowsError("a row of k6's output does not end")
            self._rest = block
            return
        self._rest = block[end:]
        for row in csv.reader(io.StringIO(block[:end].decode(errors="replace"), newline="")):
            if self._place:
                self._row(row)
            else:
                self._place = _places(row)

    def _row(self, row: list[str]) -> None:
        metric = row[0]
        if metric.startswith("http_req"):
            if metric == _FIRST:
                self._times = {metric: float(row[2])}
            elif metric == _LAST and _FIRST in self._times:
                self._request(row)
            else:
                self._times[metric] = float(row[2])
            return
        place = self._place
        tally, value = self._samples.tally, row[2]
        if row[place["group"]] in _ASIDE or not self._samples.counts(int(row[1]) / 1e6):
            return
        match metric:
            case "checks":
                tally.checks += 1
                tally.checks_failed += float(value) == 0
            case "iterations":
                tally.flows += int(float(value))
            case "dropped_iterations":
                tally.dropped += int(float(value))
            case "data_received":
                tally.bytes_received += int(float(value))
            case "data_sent":
                tally.bytes_besides += int(float(value))

    def _request(self, row: list[str]) -> None:
        """Counts the request whose last row this is."""
        place, times = self._place, self._times
        if row[place["group"]] in _ASIDE:
            return
        duration, blocked = times[_FIRST], times.get("http_req_blocked", 0.0)
        connecting, handshake = times.get("http_req_connecting", 0.0), times.get("http_req_tls_handshaking", 0.0)
        error = _error(row[place["error_code"]], row[place["status"]], row[place["expected_response"]])
        self._samples.request(
            request_name(row[place["method"]], row[place["name"]], self._address),
            int(row[1]) / 1e6,
            (duration + blocked) / 1e3,
            duration / 1e3,
            error,
            timed=error is None or error == "timeout" or row[place["status"]] != "0",
            times=Times(
                first_byte=max(duration - float(row[2]), 0.0) / 1e3,
                connect=connecting / 1e3 if connecting else None,
                tls=handshake / 1e3 if handshake else None,
            ),
        )


def _places(header: list[str]) -> Mapping[str, int]:
    wanted = (*COLUMNS, "expected_response")
    missing = [column for column in wanted if column not in header]
    if missing:
        raise RowsError(f"the script switches off what Seatrial reads: options.systemTags needs {', '.join(missing)}")
    return {column: header.index(column) for column in wanted}


def _error(code: str, status: str, expected: str) -> str | None:
    """Kind of error, by what the script expects of answers (k6's expectedStatuses)."""
    if expected == "true" or (expected == "" and status != "0"):
        return None
    if not code:
        # Neither refused nor an error status, and yet not what the script expects.
        return "check"
    number = int(code)
    return next((kind for low, high, kind in _KINDS if low <= number <= high), "other")
