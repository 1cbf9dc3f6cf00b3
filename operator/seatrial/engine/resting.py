"""Resources whose runs are over: a cluster keeps thousands of them, so next to nothing is kept of each."""

from typing import Any

from seatrial.api import names
from seatrial.api.status import Phase

Object = dict[str, Any]

#: What others may ask of a resource that rests: whether it is there, its verdict, and whom it needs itself.
_METADATA = ("name", "namespace", "uid", "generation", "resourceVersion", "finalizers")
_SPEC = ("dependsOn",)
_STATUS = ("observedGeneration", "phase", "verdict", "reason", "run")


def resting(body: Object) -> bool:
    """Whether nothing is to be done for a resource until it changes.

    Its run is of the present generation and over, everything is taken away (our finalizer is off), and no schedule
    will start another one.
    """
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    of_run = (status.get("run") or {}).get("generation")
    return (
        status.get("phase") == Phase.DONE
        and bool(status.get("verdict"))
        and metadata.get("generation") == status.get("observedGeneration") == of_run
        and names.FINALIZER not in metadata.get("finalizers", ())
        and "deletionTimestamp" not in metadata
        and not spec.get("schedule")
        and not status.get("schedule")
    )


def remains(body: Object) -> Object:
    """What is kept of a resource that rests; a change of it brings all of it."""
    return {
        "metadata": {name: body["metadata"][name] for name in _METADATA if name in body["metadata"]},
        "spec": {name: value for name, value in (body.get("spec") or {}).items() if name in _SPEC},
        "status": {name: value for name, value in (body.get("status") or {}).items() if name in _STATUS},
    }
