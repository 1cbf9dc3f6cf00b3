"""Keeps what steps captured that nothing may show: in Secrets of the environment, and in this process's memory."""

import logging
from dataclasses import replace
from typing import Any

from tenacity import retry, retry_if_exception, stop_after_delay, wait_exponential, wait_random

from seatrial.api import names
from seatrial.api.outcome import Outcome
from seatrial.api.redaction import Redaction
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import StepState, TestScenarioStatus, TrialStatus
from seatrial.build.origin import Origin
from seatrial.build.secret import captured_name, captured_secret, values_of
from seatrial.engine.session import Session
from seatrial.engine.stage import Stage
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, KubeError, may_pass
from seatrial.kube.resources import SECRETS

logger = logging.getLogger(__name__)

Object = dict[str, Any]

#: Seconds for which a Secret is written again before its step counts as an error.
PATIENCE = 30.0


class Keeper:
    """Writes secrets before their step's outcome counts, and reads them again after a restart.

    Args:
        client: Reads and writes Secrets.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def kept(self, session: Session, stage: Stage, step: str, outcome: Outcome) -> Outcome:
        """Keeps what a request captured that is secret, and returns its outcome without it.

        Args:
            session: The run; remembers the values.
            stage: Where it runs.
            step: Name of the step.
            outcome: What came of the request.
        """
        if not outcome.secrets:
            return outcome
        try:
            await self._write(stage.origin, captured_secret(stage.origin, stage.namespace, step, outcome.secrets))
        except KubeError as error:
            session.secrets.update(outcome.secrets)  # no message may show them either
            return Outcome(StepState.ERROR, "SecretNotKept", f"what it captured could not be kept in a Secret: {error}")
        session.secrets.update(outcome.secrets)
        session.lost -= set(outcome.secrets)
        return replace(outcome, secrets={})

    async def recall(
        self, session: Session, spec: TestScenarioSpec | None, status: TestScenarioStatus, namespace: str, uid: str
    ) -> None:
        """Reads what steps of the run have captured, unless this process knows it already.

        Raises:
            KubeError: It cannot be read now; it may be later.
        """
        succeeded = {step.name for step in status.steps if step.state is StepState.SUCCEEDED}
        for step in spec.steps if spec else []:
            missing = set(step.capture_secret) - session.secrets.keys() - session.lost
            if not missing or step.name not in succeeded:
                continue
            values = await self._read(captured_name(step.name), namespace, uid)
            session.secrets.update({name: values[name] for name in missing & values.keys()})
            session.lost |= missing - values.keys()

    async def _read(self, name: str, namespace: str, uid: str) -> dict[str, str]:
        try:
            body = await self._client.get(SECRETS, name, namespace)
            return values_of(body) if _ours(body, uid) else {}
        except ApiError as error:
            if error.status not in {403, 404}:
                raise
            return {}  # deleted by somebody, or the right to read it taken away meanwhile
        except ValueError as error:
            logger.warning("Secret %s/%s was changed by somebody else: %s", namespace, name, type(error).__name__)
            return {}

    @retry(
        retry=retry_if_exception(may_pass),
        stop=stop_after_delay(PATIENCE),
        wait=wait_exponential(multiplier=0.1, max=5) + wait_random(max=0.1),
        reraise=True,
    )
    async def _write(self, origin: Origin, body: Object) -> None:
        """Creates a Secret, or puts the new values into the one that a request before a restart has left."""
        name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
        try:
            await self._client.create(SECRETS, body, namespace)
        except Conflict as error:
            if error.reason != "AlreadyExists":
                raise
            stored = await self._client.get(SECRETS, name, namespace)
            if not _ours(stored, origin.uid):
                raise
            operations = [
                {"op": "test", "path": "/metadata/uid", "value": stored["metadata"]["uid"]},
                {"op": "add", "path": "/data", "value": body["data"]},
            ]
            await self._client.patch_json(SECRETS, name, namespace, operations)


def redacted(status: TrialStatus, redaction: Redaction) -> TrialStatus:
    """Takes secrets out of every message of a status, whoever wrote it."""
    if not redaction:
        return status

    def clean(entries: list[Any]) -> list[Any]:
        return [entry.model_copy(update={"message": redaction(entry.message)}) for entry in entries]

    update: dict[str, Any] = {"message": redaction(status.message), "conditions": clean(status.conditions)}
    if isinstance(status, TestScenarioStatus):
        for field in ("services", "setup", "steps", "teardown"):
            update[field] = clean(getattr(status, field))
    return status.model_copy(update=update)


def _ours(body: Object, uid: str) -> bool:
    return bool(body["metadata"].get("labels", {}).get(names.OWNER_UID) == uid)
