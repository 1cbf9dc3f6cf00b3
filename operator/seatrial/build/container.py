"""Containers and the pods around them: locked down as far as their image allows."""

from collections.abc import Mapping
from typing import Any

from seatrial.api.environment import Container, PodSecurity
from seatrial.build.environment import DEFAULT_LIMITS, DEFAULT_REQUESTS

Object = dict[str, Any]

#: Services under trial lose nothing by a quick end, and an environment that is gone soon is worth more.
GRACE_SECONDS = 5


def container(spec: Container, name: str) -> Object:
    """Builds a container.

    Args:
        spec: What the user wrote, with ``${…}`` already replaced.
        name: Its name in the pod.
    """
    built: Object = {
        "name": name,
        "image": spec.image,
        "env": [entry.to_kubernetes() for entry in spec.env],
        "resources": resources(spec),
        "securityContext": security_context(spec.pod_security),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if spec.command:
        built["command"] = list(spec.command)
    if spec.args:
        built["args"] = list(spec.args)
    return built


def resources(spec: Container) -> Object:
    """Fills in what the user left out; a request never exceeds its limit."""
    limits = DEFAULT_LIMITS | _amounts(spec.resources.limits)
    given = _amounts(spec.resources.requests)
    # Only a limit was given: Kubernetes then takes it as the request too, and so do we.
    implied = {key: value for key, value in _amounts(spec.resources.limits).items() if key not in given}
    return {"requests": DEFAULT_REQUESTS | implied | given, "limits": limits}


def _amounts(amounts: Any) -> dict[str, str]:
    return amounts.to_kubernetes() if amounts else {}


def security_context(level: PodSecurity) -> Object:
    """The container's share of the Pod Security Standard."""
    if level is PodSecurity.BASELINE:
        return {"allowPrivilegeEscalation": False}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
    }


def pod(built: Object, labels: Mapping[str, str], annotations: Mapping[str, str], restart: str) -> Object:
    """Builds a pod template around one container.

    Args:
        built: The container.
        labels: Labels of the pod.
        annotations: Annotations of the pod.
        restart: Its restart policy.
    """
    return {
        "metadata": {"labels": dict(labels), "annotations": dict(annotations)},
        "spec": {
            "containers": [built],
            "restartPolicy": restart,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        },
    }
