"""Secrets of a run: what steps captured that nothing may show, and the variables of Jobs that hold it."""

import base64
from collections.abc import Mapping
from typing import Any

from seatrial.api.variable import RESERVED
from seatrial.build.origin import Origin

Object = dict[str, Any]


def captured_secret(origin: Origin, namespace: str, step: str, values: Mapping[str, str]) -> Object:
    """Builds the Secret that keeps what a step captured.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        step: Name of the step.
        values: Values by the captures' names.
    """
    return _secret(origin, namespace, captured_name(step), step, values)


def job_secret(origin: Origin, namespace: str, step: str, values: Mapping[str, str]) -> Object:
    """Builds the Secret that holds the secret environment variables of a Job.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        step: Name of the Job's step.
        values: Values by the variables' names.
    """
    return _secret(origin, namespace, _job_name(step), step, values)


def from_secret(step: str, variable: str) -> Object:
    """The environment variable of a Job that is in the Job's Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": _job_name(step), "key": variable}}}


def captured_name(step: str) -> str:
    """Name of the Secret that keeps what a step captured."""
    return f"{RESERVED}captured-{step}"


def values_of(secret: Object) -> dict[str, str]:
    """Reads the values of a Secret.

    Raises:
        ValueError: They are not what we write, so somebody else has changed them.
    """
    return {name: base64.b64decode(value).decode() for name, value in (secret.get("data") or {}).items()}


def _job_name(step: str) -> str:
    return f"{RESERVED}env-{step}"


def _secret(origin: Origin, namespace: str, name: str, step: str, values: Mapping[str, str]) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = origin.metadata(name, namespace, step=step)
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
