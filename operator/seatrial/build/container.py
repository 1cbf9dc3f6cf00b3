"""Containers and the pods around them: locked down as far as their image allows."""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.api.container import Container, PodSecurity, ResourceAmounts
from seatrial.api.quantity import amount
from seatrial.build.environment import DEFAULT_LIMITS, DEFAULT_REQUESTS
from seatrial.build.files import file_mounts
from seatrial.build.variables import env_from, env_var

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
        "env": [env_var(entry) for entry in spec.env],
        "resources": resources(spec),
        "securityContext": security_context(spec.pod_security),
    }
    if spec.command:
        built["command"] = list(spec.command)
    if spec.args:
        built["args"] = list(spec.args)
    if spec.env_from:
        built["envFrom"] = [env_from(entry) for entry in spec.env_from]
    if spec.files:
        built["volumeMounts"] = file_mounts(spec.files)
    return built


def resources(spec: Container) -> Object:
    """Fills in what the user left out; what is filled in never makes a request exceed its limit."""
    requests, limits = _amounts(spec.resources.requests), _amounts(spec.resources.limits)
    return {
        # Where only a limit was given, Kubernetes takes it as the request too, and so do we.
        "requests": DEFAULT_REQUESTS | limits | requests,
        "limits": {
            key: limits.get(key) or max(default, requests.get(key, default), key=amount)
            for key, default in DEFAULT_LIMITS.items()
        },
    }


def _amounts(amounts: ResourceAmounts | None) -> dict[str, str]:
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


def pod(
    built: Object,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    restart: str,
    *,
    volumes: Sequence[Object] = (),
    init: Object | None = None,
) -> Object:
    """Builds a pod template around one container.

    Args:
        built: The container.
        labels: Labels of the pod.
        annotations: Annotations of the pod.
        restart: Its restart policy.
        volumes: Volumes that the container mounts.
        init: The init container, if there is one.
    """
    template: Object = {
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
    if volumes:
        template["spec"]["volumes"] = list(volumes)
    if init:
        template["spec"]["initContainers"] = [init]
    return template
