"""Tells workers when to begin, by an annotation of their pods that the kubelet brings into a file of theirs."""

import asyncio
from collections.abc import Sequence

from seatrial.api import names
from seatrial.api.provenance import is_ours
from seatrial.build.origin import Origin
from seatrial.engine.refusal import Refused
from seatrial.engine.sight import attempt_of
from seatrial.engine.store import Store
from seatrial.kube.client import Client, Object
from seatrial.kube.errors import ApiError, Conflict, KubeError, NotFound
from seatrial.kube.resources import PODS
from seatrial.plan.decision import BeginLoad

_INDEX = "batch.kubernetes.io/job-completion-index"


class Starting:
    """Performs the action that has load begin.

    Args:
        client: Writes.
        store: Has the pods, and learns at once what was written.
    """

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def perform(self, action: BeginLoad, origin: Origin, namespace: str) -> None:
        """Tells the workers, all at once: a crash in between should be as unlikely as can be.

        Raises:
            Refused: The API server will not have it, however often it is asked.
            KubeError: It may succeed later.
        """
        ours = [
            body
            for body in self._store.objects(origin.uid, PODS.kind, origin.run)
            if body["metadata"]["namespace"] == namespace
            and attempt_of(body["metadata"]["labels"]) == action.step
            and is_ours(PODS.kind, body["metadata"])
        ]
        pods = [body for body in ours if body["metadata"]["name"] in action.pods]
        tellings = (self._tell(pod, action.at, _leader(pod, ours)) for pod in pods)
        for outcome in await asyncio.gather(*tellings, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _tell(self, pod: Object, at: str, leader: str) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        # Empty as it was made, so that no moment is ever put in the place of another.
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": pod["metadata"]["uid"]},
            {"op": "test", "path": _path(names.START), "value": ""},
            *([{"op": "add", "path": _path(names.LEADER), "value": leader}] if leader else []),
            {"op": "add", "path": _path(names.START), "value": at},
        ]
        try:
            self._store.put(PODS.kind, await self._client.patch_json(PODS, name, namespace, operations))
        except NotFound:
            return  # the watch tells what became of it
        except Conflict as error:
            if error.status == 409:
                raise  # writers got into each other's way: nothing tells us to try again but this
        except ApiError as error:
            if error.transient or error.status == 401:
                raise
            raise Refused(f"worker {name} cannot be told when to begin: {error.message}") from error


def _path(annotation: str) -> str:
    return f"/metadata/annotations/{annotation.replace('/', '~1')}"


def _leader(pod: Object, pods: Sequence[Object]) -> str:
    """The address of worker 0, if a pod needs that.

    Raises:
        KubeError: It is not known yet.
    """
    if names.LEADER not in (pod["metadata"].get("annotations") or {}):
        return ""
    first = (each for each in pods if each["metadata"]["labels"].get(_INDEX) == "0")
    address: str = next(((each.get("status") or {}).get("podIP", "") for each in first), "")
    if not address:
        raise KubeError("worker 0 has no address yet")
    return address
