"""A client whose k-th write goes wrong.

It stands where every request of the operator passes, so that "the k-th write" means the same for all of them. Only
test entry points put it there (:mod:`e2e.faults.operator`, and tests in process): no image and no setting has it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

from kubernetes.aio.client.api_client import ApiClient

from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, Unreachable
from seatrial.kube.resources import subject

#: The heartbeat belongs to no run, and comes whenever it is due.
_APART = "leases"
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "kill"
    LOST = "lost"
    CONFLICT = "conflict"
    THROTTLED = "throttled"
    BROKEN = "broken"
    CUT = "cut"


def nothing() -> None:
    """Does nothing."""


@dataclass
class Faults:
    """One thing that goes wrong once.

    Attributes:
        kind: KILL: the process dies right after the write. LOST: the write happens, its answer never comes. CONFLICT,
            THROTTLED, BROKEN: the answer is 409, 429 or 500, and nothing happens. CUT: every watch breaks off right
            after the write.
        at: At which write, counted from 1; 0 for none.
        kill: Ends the process.
        cut: Cuts every watch.
        note: Told of each write before it is sent: its number and what it is.
        retry_after: Seconds that a 429 asks for.
        writes: What has been written so far.
    """

    kind: Kind
    at: int
    kill: Callable[[], None] = nothing
    cut: Callable[[], None] = nothing
    note: Callable[[int, str], None] = lambda _number, _what: None
    retry_after: float = 1.0
    writes: list[str] = field(default_factory=list)

    @property
    def struck(self) -> bool:
        """Whether it has gone wrong."""
        return 0 < self.at <= len(self.writes)

    @property
    def struck_at(self) -> str:
        """The write at which it has gone wrong."""
        return self.writes[self.at - 1]


class FaultyClient(Client):
    """A client at whose k-th write something goes wrong.

    Args:
        api: As of Client.
        default_namespace: As of Client.
        faults: What goes wrong, and when.
    """

    def __init__(self, api: ApiClient, default_namespace: str = "default", *, faults: Faults) -> None:
        super().__init__(api, default_namespace)
        self._faults = faults

    async def _send(
        self, method: str, path: str, body: Any, query: Mapping[str, str], content_type: str, timeout: Any
    ) -> Any:
        faults = self._faults
        if method == "GET" or subject(path) == _APART:
            return await super()._send(method, path, body, query, content_type, timeout)
        faults.writes.append(_described(method, path, body))
        faults.note(len(faults.writes), faults.writes[-1])
        if len(faults.writes) != faults.at:
            return await super()._send(method, path, body, query, content_type, timeout)
        if faults.kind in _REFUSALS:
            raise _refusal(faults)
        try:
            response = await super()._send(method, path, body, query, content_type, timeout)
        finally:
            if faults.kind is Kind.KILL:
                faults.kill()
                await _nothing_more()
        if faults.kind is Kind.LOST:
            response.response.close()
            raise Unreachable(f"{method} {path}: no answer from the API server: as the test wants it")
        faults.cut()
        return response


_REFUSALS = {
    Kind.CONFLICT: (409, "Conflict", "the object has been modified; please apply your changes to the latest version"),
    Kind.THROTTLED: (429, "TooManyRequests", "please try again later"),
    Kind.BROKEN: (500, "InternalError", "an error on the server has prevented the request from succeeding"),
}


def _refusal(faults: Faults) -> ApiError:
    code, reason, message = _REFUSALS[faults.kind]
    kind = Conflict if faults.kind is Kind.CONFLICT else ApiError
    return kind(code, reason, message, faults.retry_after if faults.kind is Kind.THROTTLED else None)


def _described(method: str, path: str, body: Any) -> str:
    """Says what is written in words that are the same in each run, where names are."""
    *_, last = path.rstrip("/").split("/")
    name = body["metadata"]["name"] if method == "POST" else path.split("/")[-2] if last == "status" else last
    return f"{_VERBS.get(method, method)} {subject(path)} {name}"


async def _nothing_more() -> NoReturn:
    """A dead process takes no answer: whoever waits for this one is cancelled, or gone."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
