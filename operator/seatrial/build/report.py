"""The ConfigMaps that hold a run's report, beside the resource and owned by it."""

from collections.abc import Mapping
from typing import Any

from seatrial.api import names
from seatrial.api.base import API_VERSION
from seatrial.build.origin import Origin

Object = dict[str, Any]


def report_part(origin: Origin, part: int, data: Mapping[str, str]) -> Object:
    """Builds the ConfigMap of one part.

    Args:
        origin: The resource and the run.
        part: Number of the part, from 1.
        data: Its content, by key.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names.report(origin.name, origin.uid, origin.run, part),
            "namespace": origin.namespace,
            "labels": names.report_labels(origin.uid, origin.run),
            "annotations": names.owner(origin.kind, origin.namespace, origin.name),
            # Without blockOwnerDeletion: nothing waits for a report, and no right on finalizers is needed.
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": origin.kind, "name": origin.name, "uid": origin.uid}
            ],
        },
        "data": dict(data),
    }
