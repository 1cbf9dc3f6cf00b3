"""A locustfile beside the user's: writes each request, as Locust has measured it, to a descriptor.

It knows nothing of Seatrial's other modules, and needs nothing but Locust and Python. Records are JSON, one a line:

- ``["r", end, seconds, type, name, bytes, status, exception]``: a request; ``end`` in seconds since 1970, ``status`` 0
  without one, ``exception`` empty if it succeeded;
- ``["e", message]``: a task that ended with an exception;
- ``["q", code]``: Locust ends in good order, with that exit code.
"""

import json
import os
import time
from typing import Any

import gevent
from locust import LoadTestShape, events
from locust.runners import WorkerRunner

#: Seconds between two writes, and bytes up to which one is not split by those of another process (POSIX, PIPE_BUF).
_INTERVAL = 0.2
_WHOLE = 4096
#: Records that are written at once, whenever that is.
_MANY = 500

_sink = int(os.environ["SEATRIAL_SAMPLES"])
_waiting: list[bytes] = []


def _record(*values: object) -> None:
    _waiting.append(json.dumps(values).encode() + b"\n")
    if len(_waiting) >= _MANY:
        _flush()


def _flush() -> None:
    records, _waiting[:] = list(_waiting), []
    block = b""
    for record in records:
        if block and len(block) + len(record) > _WHOLE:
            os.write(_sink, block)
            block = b""
        block += record
    if block:
        os.write(_sink, block)


def _flush_now_and_then() -> None:
    while True:
        gevent.sleep(_INTERVAL)
        _flush()


def _on_request(
    request_type: str,
    name: str,
    response_time: float | None,
    response_length: int | None,
    exception: object = None,
    start_time: float | None = None,
    response: object = None,
    **_more: Any,
) -> None:
    seconds = (response_time or 0) / 1000
    end = time.time() if start_time is None else start_time + seconds
    status = getattr(response, "status_code", 0) or 0
    told = f"{type(exception).__name__}: {exception}"[:200] if exception else ""
    _record("r", float(end), float(seconds), str(request_type), str(name), int(response_length or 0), int(status), told)


def _on_user_error(exception: BaseException, **_more: Any) -> None:
    _record("e", f"{type(exception).__name__}: {exception}"[:400])


def _on_quit(exit_code: int | None, **_more: Any) -> None:
    _record("q", int(exit_code or 0))
    _flush()


class Stages(LoadTestShape):  # type: ignore[misc]  # Locust is not there where types are checked
    """Users that come and go in straight lines. Locust asks once a second.

    Args:
        legs: Length in seconds of each line, and the users at its beginning and at its end.
    """

    #: Locust would take it for a shape of the script's.
    abstract = True

    def __init__(self, legs: list[tuple[float, int, int]]) -> None:
        super().__init__()
        self._legs = legs

    def tick(self) -> tuple[int, float]:
        """Says how many users there are now, and to have them at once: those of the middle of the second to come."""
        since = self.get_run_time() + 0.5
        for seconds, before, after in self._legs:
            if since < seconds:
                users = round(before + (after - before) * since / seconds)
                return users, max(users, 1)
            since -= seconds
        users = self._legs[-1][2]
        return users, max(users, 1)


def _on_init(environment: Any, **_more: Any) -> None:
    shape = environment.shape_class
    if "SEATRIAL_SECONDS" not in os.environ:
        if shape is None:
            raise RuntimeError("the script has no LoadTestShape: give profile.users or stages")
    elif shape is not None:
        raise RuntimeError("the script's LoadTestShape says how many users there are: leave users and stages out")
    elif "SEATRIAL_STAGES" in os.environ:
        environment.shape_class = Stages(json.loads(os.environ["SEATRIAL_STAGES"]))
    gevent.spawn(_flush_now_and_then)


def _on_test_start(environment: Any, **_more: Any) -> None:
    if "SEATRIAL_SECONDS" in os.environ and not isinstance(environment.runner, WorkerRunner):
        gevent.spawn(_quit_after, environment.runner, float(os.environ["SEATRIAL_SECONDS"]))


def _quit_after(runner: Any, seconds: float) -> None:
    """Ends the load in time. Locust's own --run-time counts from before it has imported itself, a second too early."""
    end = time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        gevent.sleep(min(rest, 0.5))
    runner.quit()


# Locust reads files without a class of users a second time, as tests: nothing may be counted twice.
if not hasattr(events, "seatrial"):
    events.seatrial = True
    events.request.add_listener(_on_request)
    events.user_error.add_listener(_on_user_error)
    events.quit.add_listener(_on_quit)
    events.init.add_listener(_on_init)
    events.test_start.add_listener(_on_test_start)
