"""Tells workers when to begin, by an annotation of their pods that the kubelet brings into a file of theirs."""

import asyncio

from seatrial.api import names
from seatrial.api.provenance import is_ours
from seatrial.build.origin import Origin
from seatrial.engine.refusal import Refused
from seatrial.engine.store import Store
from seatrial.kube.client import Client, Object
from seatrial.kube.errors import ApiError, Conflict, NotFound
from seatrial.kube.resources import PODS
from seatrial.plan.decision import BeginLoad

_ANNOTATION = f"/metadata/annotations/{names.START.replace('/', '~1')}"


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
        pods = [
            body
            for body in self._store.objects(origin.uid, PODS.kind, origin.run)
            if body["metadata"]["name"] in action.pods
            and body["metadata"]["namespace"] == namespace
            and is_ours(PODS.kind, body["metadata"])
        ]
        for outcome in await asyncio.gather(*(self._tell(pod, action.at) for pod in pods), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _tell(self, pod: Object, at: str) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        # Empty as it was made, so that no moment is ever put in the place of another.
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": pod["metadata"]["uid"]},
            {"op": "test", "path": _ANNOTATION, "value": ""},
            {"op": "add", "path": _ANNOTATION, "value": at},
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
