"""What watches show, and where it goes: the store remembers it, and the key that it concerns takes a turn."""

from typing import Any

from seatrial.api import names
from seatrial.engine.controller import Controller
from seatrial.engine.key import Key
from seatrial.kube.resources import BESIDE, LOAD_TESTS, NAMESPACES, PODS, TEST_SCENARIOS, WORKLOADS, Resource

Object = dict[str, Any]

#: Our own kinds.
TRIALS = (TEST_SCENARIOS, LOAD_TESTS)
#: What is made for runs, or by it.
CHILDREN = (NAMESPACES, *BESIDE, PODS)
#: What has no state of its own: only that it is going, or gone, is worth a turn.
_PASSIVE = frozenset(BESIDE) - frozenset(WORKLOADS)


class Feed:
    """Takes in objects of every kind that is watched.

    Args:
        controller: Remembers them, and is woken.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def known(self, resource: Resource, body: Object) -> None:
        """Takes in what exists before the first turn."""
        if resource in TRIALS:
            self._controller.store.put_resource(_key(resource, body), body)
        else:
            self._controller.store.put(resource.kind, body)

    def shown(self, resource: Resource, body: Object) -> None:
        """Takes in an object that is there."""
        self.known(resource, body)
        if resource in TRIALS:
            self._controller.wake(_key(resource, body))
            return
        self._controller.sweeper.notice(body)
        if resource not in _PASSIVE or body["metadata"].get("deletionTimestamp"):
            self._wake_owner(body)

    def gone(self, resource: Resource, body: Object) -> None:
        """Takes in that an object is gone.

        Args:
            resource: Its kind.
            body: Its metadata at least.
        """
        if resource in TRIALS:
            key = _key(resource, body)
            self._controller.store.drop_resource(key, body)
            self._controller.sweeper.resource_gone(body)
            self._controller.wake(key)
        else:
            self._controller.store.drop(resource.kind, body)
            self._wake_owner(body)

    def _wake_owner(self, body: Object) -> None:
        owner = Key.parse(body["metadata"].get("annotations", {}).get(names.OWNER, ""))
        if owner is not None:
            self._controller.wake(owner)


def _key(resource: Resource, body: Object) -> Key:
    return Key(resource.kind, body["metadata"]["namespace"], body["metadata"]["name"])
