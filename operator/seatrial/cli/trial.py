"""One trial from its manifest to its end."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.api.status import TrialStatus, Verdict
from seatrial.cli.apply import identity, start
from seatrial.cli.cluster import Cluster, Object
from seatrial.cli.exits import Exit
from seatrial.cli.fetch import fetch
from seatrial.cli.follow import Identity, Patience, states
from seatrial.cli.manifests import Trial
from seatrial.cli.reading import Ended, Going, Unnoticed, Waiting, judged, parse_status, read
from seatrial.cli.screen import Screen
from seatrial.kube.errors import Conflict, KubeError, NotFound
from seatrial.report.model import Report
from seatrial.report.wording import because, condition

UNNOTICED = (
    "no operator has taken it up: is Seatrial installed, and is its operator running? "
    "(`kubectl get pods --all-namespaces --selector app.kubernetes.io/name=seatrial`)"
)


@dataclass(frozen=True)
class Result:
    """What came of a trial.

    Attributes:
        ended: How it ended for this command.
        generation: Generation of the spec that it is about; None if there was not the time to apply it.
        report: Its report, if it was asked for.
    """

    ended: Ended
    generation: int | None
    report: Report | None = None


class _Follower:
    """Follows one run; it remembers what has been said, so that nothing is said twice."""

    def __init__(self, cluster: Cluster, trial: Trial, screen: Screen, patience: Patience, stored: Object) -> None:
        self.cluster, self.trial, self.screen, self.patience, self.stored = cluster, trial, screen, patience, stored
        self.generation = int(stored["metadata"]["generation"])
        self.status: TrialStatus | None = None
        self._deleting = False
        self._slow: asyncio.TimerHandle | None = None

    @property
    def which(self) -> Identity:
        return identity(self.trial.resource, self.stored)

    async def follow(self) -> Ended:
        with _later(self.patience.unnoticed, lambda: self.screen.note(UNNOTICED)) as unnoticed:
            try:
                async for current in states(self.cluster, self.which, patience=self.patience, note=self.screen.note):
                    self.stored = current
                    self._note_deletion()
                    reading = read(parse_status(self.trial.resource, current.get("status")), self.generation)
                    if not isinstance(reading, Unnoticed):
                        unnoticed.cancel()
                    match reading:
                        case Unnoticed():
                            self.screen.wait("waiting for the operator")
                        case Waiting(message):
                            self.screen.wait(f"waiting for the run to start{f': {message}' if message else ''}")
                        case Going(status):
                            self._show(status)
                        case Ended(status=status):
                            if status:
                                self._show(status)
                            return reading
            finally:
                if self._slow:
                    self._slow.cancel()
        return self.judged() or Ended(
            Exit.CANCELLED, Verdict.CANCELLED, "Deleted", "the resource was deleted", self.status
        )

    def judged(self) -> Ended | None:
        """How the run ended, if its verdict has fallen, though its environment may still be there."""
        return judged(self.status, self.generation) if self.status else None

    def _show(self, status: TrialStatus) -> None:
        self.status = status
        self.screen.show(status)
        if status.verdict and self._slow is None:
            loop = asyncio.get_running_loop()
            self._slow = loop.call_later(self.patience.teardown, self._note_slow_teardown)

    def _note_slow_teardown(self) -> None:
        torn_down = condition(self.status, "TornDown") if self.status else None
        why = because(torn_down.reason, torn_down.message) if torn_down else ""
        self.screen.note(f"still waiting for everything to be taken away{f': {why}' if why else ''}")

    def _note_deletion(self) -> None:
        if self.stored["metadata"].get("deletionTimestamp") and not self._deleting:
            self._deleting = True
            self.screen.note("the resource is being deleted: the run is cancelled, its environment is taken away")


async def run_trial(
    cluster: Cluster,
    trial: Trial,
    namespace: str,
    *,
    screen: Screen,
    deadline: float | None = None,
    remove: bool = False,
    patience: Patience | None = None,
    report: bool = False,
) -> Result:
    """Applies a trial and follows it to its end.

    Args:
        cluster: The client.
        trial: The trial.
        namespace: Where it is to be.
        screen: Where it is shown.
        deadline: Time of the event loop's clock at which to stop waiting.
        remove: Delete the resource afterwards, also when waiting was broken off.
        patience: Limits.
        report: Read its report.

    Raises:
        KubeError: The API server refuses, or has been lost for too long.
        UnknownStatus: The operator is of another version.
    """
    patience = patience or Patience()
    follower: _Follower | None = None
    found: Report | None = None
    try:
        async with asyncio.timeout_at(deadline) as limit:
            stored = await start(cluster, trial, namespace, screen=screen, patience=patience)
            follower = _Follower(cluster, trial, screen, patience, stored)
            ended = await follower.follow()
    except TimeoutError:
        if not limit.expired():
            raise
        message = "--timeout passed before there was a verdict"
        out_of_time = Ended(Exit.TIMED_OUT, None, "WaitTimedOut", message, follower.status if follower else None)
        ended = (follower.judged() if follower else None) or out_of_time
    finally:
        if follower and report:
            found = await _report(cluster, follower)
        if remove and follower:
            await _remove(cluster, follower.which, screen)
    return Result(ended, follower.generation if follower else None, found)


async def _report(cluster: Cluster, follower: _Follower) -> Report | None:
    """Reads the report before the resource goes, and the report with it."""
    screen, which = follower.screen, follower.which
    try:
        stored = await cluster.get(which.resource, which.name, which.namespace)
        fetched = await fetch(cluster, which.resource, stored, str(follower.generation))
    except (KubeError, ValueError) as error:
        screen.note(f"there is no report: {error}")
        return None
    if fetched.note:
        screen.note(fetched.note)
    return fetched.report


async def _remove(cluster: Cluster, which: Identity, screen: Screen) -> None:
    try:
        await cluster.delete(which.resource, which.name, which.namespace, uid=which.uid)
    except (NotFound, Conflict):
        return  # it is gone, or another one has its name by now
    except KubeError as error:
        screen.note(f"could not delete {which.resource.kind}/{which.name}: {error}")


@contextmanager
def _later(seconds: float, act: Callable[[], None]) -> Iterator[asyncio.TimerHandle]:
    timer = asyncio.get_running_loop().call_later(seconds, act)
    try:
        yield timer
    finally:
        timer.cancel()
