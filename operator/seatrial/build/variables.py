"""Environment variables of containers, in Kubernetes' words."""

from typing import Any

from seatrial.api.variable import EnvFrom, EnvVar

Object = dict[str, Any]


def env_var(variable: EnvVar) -> Object:
    """Builds one variable; what comes from a Secret or ConfigMap is only referred to."""
    if variable.secret:
        return {"name": variable.name, "valueFrom": {"secretKeyRef": variable.secret.to_kubernetes()}}
    if variable.config_map:
        return {"name": variable.name, "valueFrom": {"configMapKeyRef": variable.config_map.to_kubernetes()}}
    return {"name": variable.name, "value": variable.value or ""}


def env_from(source: EnvFrom) -> Object:
    """Builds the reference to all keys of a Secret or ConfigMap."""
    built: Object = {"secretRef": {"name": source.secret}} if source.secret else {}
    if source.config_map:
        built = {"configMapRef": {"name": source.config_map}}
    return built | ({"prefix": source.prefix} if source.prefix else {})
