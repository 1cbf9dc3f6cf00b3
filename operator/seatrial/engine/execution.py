"""Carrying out what was decided on: what the API server refuses for good becomes an observation of the next turn."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.api.redaction import Redaction
from seatrial.engine.finalizer import add_finalizer, remove_finalizer
from seatrial.engine.key import Key
from seatrial.engine.perform import OverQuota, Performer
from seatrial.engine.refusal import Refused
from seatrial.engine.removal import NotDeleted
from seatrial.engine.report import Reporter, Run
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import Conflict, KubeError, NotFound
from seatrial.plan.decision import (
    Action,
    AddFinalizer,
    CopyInputs,
    CreateEnvironment,
    DeleteNamespace,
    DeleteReports,
    DeleteRest,
    RemoveFinalizer,
    StartJob,
    StartLoad,
    StartService,
    StopLoad,
    StopServices,
    StopWorkloads,
    WriteReport,
)
from seatrial.plan.observed import Held

#: Pauses before a write that a quota refused is tried again: the first, and the longest.
FIRST_QUOTA_RETRY, LONGEST_QUOTA_RETRY = timedelta(seconds=2), timedelta(seconds=60)

Object = dict[str, Any]


class Execution:
    """Performs the actions of a decision, and remembers what became of them.

    Args:
        client: Writes to the API server.
        store: Learns at once what was written.
        performer: Makes and takes away objects.
        reporter: Writes reports.
        wake: Has a resource take another turn.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        performer: Performer,
        reporter: Reporter,
        wake: Callable[[Key], None],
    ) -> None:
        self._client = client
        self._store = store
        self._performer = performer
        self._reporter = reporter
        self._wake = wake

    async def act(self, actions: tuple[Action, ...], run: Run) -> KubeError | None:
        """Performs what was decided on.

        Args:
            actions: What to do, in this order.
            run: For which run.

        Returns:
            Why something could not be taken away. That is tried again, but the verdict must not wait for it.
        """
        key, session = run.key, run.session
        failure: KubeError | None = None
        for action in actions:
            try:
                if isinstance(action, AddFinalizer):
                    self._store.written(key, await add_finalizer(self._client, key, run.body))
                elif isinstance(action, WriteReport | DeleteReports):
                    await self._reporter.perform(action, run)
                    self._wake(key)
                elif not isinstance(action, RemoveFinalizer):
                    await self._performer.perform(action, run.stage)
                session.held.pop(action.key, None)
                session.undeleted.pop(action.key, None)
            except Refused as refusal:
                if isinstance(refusal, OverQuota) and isinstance(action, StartService | StartJob | StartLoad):
                    session.held[action.key] = _held(action, str(refusal), session.held.get(action.key))
                    self._wake(key)
                    continue
                session.refuse(action.key, Redaction(session.secrets.values())(str(refusal)), refusal.reason)
                self._wake(key)
                if isinstance(action, CreateEnvironment | CopyInputs):
                    break  # what follows would go into a namespace that is unguarded, or not ours, or lacks its Secrets
            except KubeError as error:
                if not isinstance(action, StopLoad | StopServices | StopWorkloads | DeleteNamespace | DeleteRest):
                    raise
                if not isinstance(error, NotDeleted):
                    return error
                session.not_deleted(action.key, error.message)
                if error.transient:
                    return error
                failure = failure or error  # what is refused for good need not keep the rest
        return failure

    async def let_go(self, key: Key, body: Object) -> None:
        """Takes our finalizer off a resource of which nothing is left."""
        current = self._store.resource(key) or body
        try:
            self._store.written(key, await remove_finalizer(self._client, key, current))
        except NotFound:
            return  # the watch will tell
        except Conflict as error:
            if error.status == 409:
                raise  # writers got into each other's way: nothing tells us to try again but this
            # Otherwise somebody has changed the finalizers meanwhile: the watch tells, and the next turn sees.


def _held(action: Action, message: str, before: Held | None) -> Held:
    """Notes a refusal by a quota; each further one is tried again after twice the time."""
    delay = FIRST_QUOTA_RETRY
    if before is not None:
        delay = min(before.delay * 2, LONGEST_QUOTA_RETRY)
    return Held(action, message, datetime.now(UTC) + delay, delay)
