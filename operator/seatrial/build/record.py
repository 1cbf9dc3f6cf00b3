"""The record of a run whose environment is beside its resource: what a namespace of its own would hold otherwise."""

from typing import Any

from seatrial.api import names
from seatrial.build.origin import Origin

Object = dict[str, Any]


def record(origin: Origin, spec: str) -> Object:
    """Builds the ControllerRevision, the first thing that such a run makes and the last that it takes away.

    Args:
        origin: The run.
        spec: The run's spec as JSON, kept here so that an edit during the run, and a restart of the operator, change
            nothing about it.
    """
    name = names.environment_namespace(origin.name, origin.uid, origin.run)
    metadata = origin.metadata(name, origin.namespace)
    metadata["annotations"][names.RUN_SPEC] = spec
    return {
        # A kind whose use is to remember a state, and which shows nothing that Deployments and StatefulSets do not.
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "revision": 1,
        # Must be an object. The spec is in the annotation, as on a namespace: watches keep no more than metadata.
        "data": {"run": origin.run},
    }
