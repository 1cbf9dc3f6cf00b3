"""Containers and the pods around them: locked down as far as their image allows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from seatrial.api.environment import Container, PodSecurity, ResourceAmounts
from seatrial.build.environment import DEFAULT_LIMITS, DEFAULT_REQUESTS

Object = dict[str, Any]

#: Services under trial lose nothing by a quick end, and an environment that is gone soon is worth more.
GRACE_SECONDS = 5

_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{prefix: Decimal(1000**power) for power, prefix in enumerate("kMGT", start=1)},
    **{f"{prefix}i": Decimal(1024**power) for power, prefix in enumerate("KMGT", start=1)},
}


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
    }
    if spec.command:
        built["command"] = list(spec.command)
    if spec.args:
        built["args"] = list(spec.args)
    return built


def resources(spec: Container) -> Object:
    """Fills in what the user left out; what is filled in never makes a request exceed its limit."""
    requests, limits = _amounts(spec.resources.requests), _amounts(spec.resources.limits)
    return {
        # Where only a limit was given, Kubernetes takes it as the request too, and so do we.
        "requests": DEFAULT_REQUESTS | limits | requests,
        "limits": {
            key: limits.get(key) or max(default, requests.get(key, default), key=_quantity)
            for key, default in DEFAULT_LIMITS.items()
        },
    }


def _amounts(amounts: ResourceAmounts | None) -> dict[str, str]:
    return amounts.to_kubernetes() if amounts else {}


def _quantity(text: str) -> Decimal:
    number = text.rstrip("".join(_UNITS))
    return Decimal(number) * _UNITS[text.removeprefix(number)]


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
