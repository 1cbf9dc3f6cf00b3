"""Following one object by watches, over as many connections as it takes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from seatrial.cli.cluster import Cluster, Object
from seatrial.kube.errors import ApiError, Expired, KubeError, NotFound, Unreachable
from seatrial.kube.resources import Resource


@dataclass(frozen=True)
class Patience:
    """How long to put up with things, in seconds.

    Attributes:
        reconnect: Pause before the first try to connect again; it doubles with each.
        longest: The longest such pause.
        lost: Time without any answer after which the API server is given up.
        unnoticed: Time after which it is said that no operator reacts.
        teardown: Time after which it is said what the teardown waits for.
    """

    reconnect: float = 0.2
    longest: float = 10
    lost: float = 300
    unnoticed: float = 30
    teardown: float = 15


@dataclass(frozen=True)
class Identity:
    """One object, as opposed to a later one of the same name."""

    resource: Resource
    namespace: str
    name: str
    uid: str


async def states(
    cluster: Cluster, which: Identity, *, patience: Patience, note: Callable[[str], None]
) -> AsyncIterator[Object]:
    """Yields the object as it is, and then after each change, until it is gone.

    Each connection begins with a read. So nothing hangs on a resource version that has expired, and a deletion
    that no watch has seen is noticed.

    Args:
        cluster: The client.
        which: The object.
        patience: Limits.
        note: Is told when the connection is lost and when it is back.

    Raises:
        KubeError: The API server refuses, or has been lost for too long.
    """
    clock = asyncio.get_running_loop().time
    pause, lost_since = patience.reconnect, None
    while True:
        try:
            current = await cluster.get(which.resource, which.name, which.namespace)
            if lost_since is not None:
                note("connected to the API server again")
            lost_since = None
            if current["metadata"]["uid"] != which.uid:
                return
            yield current
            version = current["metadata"]["resourceVersion"]
            stream = cluster.watch(which.resource, which.namespace, name=which.name, resource_version=version)
            async for kind, changed in stream:
                if kind == "DELETED":
                    return
                pause = patience.reconnect
                yield changed
        except (NotFound, Expired) as error:
            if isinstance(error, NotFound):
                return
        except KubeError as error:
            if not _passing(error):
                raise
            if lost_since is None:
                note(f"lost the API server, trying again: {error}")
            lost_since = lost_since if lost_since is not None else clock()
            if clock() - lost_since >= patience.lost:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, patience.longest)


def _passing(error: KubeError) -> bool:
    return isinstance(error, Unreachable) or (isinstance(error, ApiError) and error.transient)
