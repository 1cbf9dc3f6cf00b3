"""From a stored resource to the subject of a plan."""

import json
import logging
from typing import Any, TypeVar

from pydantic import ValidationError

from seatrial.api import names
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LoadTestStatus, TestScenarioStatus, TrialStatus
from seatrial.api.validation import InvalidSpec
from seatrial.engine.key import Key
from seatrial.engine.record import Record
from seatrial.engine.store import Store
from seatrial.plan.trial import Subject
from seatrial.sandbox.evaluator import Evaluator
from seatrial.sandbox.pool import Owner, Pool

logger = logging.getLogger(__name__)

Object = dict[str, Any]
#: What was read, or why it could not be, by UID and generation.
Parsed = dict[tuple[str, int], tuple[Any, str]]
Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Status = TypeVar("Status", bound=TrialStatus)


class Subjects:
    """Reads subjects; specs are parsed once a generation, and kept for the newest and for the run under way.

    Args:
        store: Has the resources and the objects of their runs.
        record: Has their status.
        pool: Checks specs: their expressions take a while to compile.
    """

    def __init__(self, store: Store, record: Record, pool: Pool) -> None:
        self._store = store
        self._pool = pool
        self._record = record
        self._parsed: dict[Key, Parsed] = {}

    async def scenario(self, key: Key, body: Object) -> Subject[TestScenarioSpec, TestScenarioStatus]:
        """Reads a TestScenario."""
        return await self._subject(key, body, TestScenarioSpec, TestScenarioStatus, "Namespace")

    async def load_test(self, key: Key, body: Object) -> Subject[LoadTestSpec, LoadTestStatus]:
        """Reads a LoadTest."""
        return await self._subject(key, body, LoadTestSpec, LoadTestStatus, "Job")

    def forget(self, key: Key) -> None:
        """Forgets the specs of a resource that is gone."""
        self._parsed.pop(key, None)

    async def _subject(
        self, key: Key, body: Object, spec_type: type[Spec], status_type: type[Status], keeper: str
    ) -> Subject[Spec, Status]:
        metadata = body["metadata"]
        uid, generation = metadata["uid"], metadata["generation"]
        status = self._record.status(key, uid, lambda: _read_status(key, body.get("status") or {}, status_type))
        assert isinstance(status, status_type)  # noqa: S101 - a UID never changes its kind
        wanted = {(uid, generation), (uid, status.run.generation if status.run else generation)}
        parsed = self._parsed.get(key, {})
        parsed = self._parsed[key] = {known: parsed[known] for known in wanted & parsed.keys()}
        spec, invalid = await self._parse(key, parsed, (uid, generation), body["spec"], spec_type)
        return Subject(
            name=key.name,
            namespace=key.namespace,
            uid=uid,
            generation=generation,
            deleting=bool(metadata.get("deletionTimestamp")),
            finalizer=names.FINALIZER in metadata.get("finalizers", []),
            spec=spec,
            invalid=invalid,
            running=await self._running(key, parsed, uid, generation, status, spec, spec_type, keeper),
            status=status,
        )

    async def _running(
        self,
        key: Key,
        parsed: Parsed,
        uid: str,
        generation: int,
        status: TrialStatus,
        spec: Spec | None,
        spec_type: type[Spec],
        keeper: str,
    ) -> Spec | None:
        """The spec of the run under way: this generation's, an earlier one from memory, or the one on record."""
        if status.run is None or status.run.generation == generation:
            return spec
        if spec is not None and spec.spec_hash == status.run.spec_hash:
            return spec  # an edit of what only steers
        running = (uid, status.run.generation)
        if running not in parsed:
            kept = [
                body["metadata"].get("annotations", {}).get(names.RUN_SPEC)
                for kind in (keeper, "ControllerRevision")
                for body in self._store.objects(uid, kind, status.run.id)
            ]
            text = next((text for text in kept if text), None)
            if text is None:
                return None
            await self._parse(key, parsed, running, json.loads(text), spec_type)
        found: Spec | None = parsed[running][0]
        return found

    async def _parse(
        self, key: Key, parsed: Parsed, generation: tuple[str, int], spec: Any, spec_type: type[Spec]
    ) -> tuple[Spec | None, str]:
        found: tuple[Spec | None, str]
        if generation not in parsed:
            try:
                found = (await Evaluator(self._pool, Owner(key.namespace, generation[0])).spec(spec_type, spec), "")
            except InvalidSpec as error:
                found = (None, str(error))
            parsed[generation] = found
        found = parsed[generation]
        return found


def _read_status(key: Key, status: Object, status_type: type[Status]) -> Status:
    try:
        return status_type.model_validate(status)
    except ValidationError as error:
        # Only another version of Seatrial, or a person with rights to it, can have written this.
        logger.error("%s: its status cannot be read and is made anew: %s", key, error)  # noqa: TRY400 - no bug of ours
        return status_type()
