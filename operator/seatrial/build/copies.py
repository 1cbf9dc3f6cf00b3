"""Copies of the user's Secrets and ConfigMaps in an environment."""

from typing import Any

from seatrial.build.origin import Origin

Object = dict[str, Any]

#: What makes up a Secret or ConfigMap. Nothing else is copied: annotations may hold the content again, as
#: `kubectl apply` puts it there.
_CONTENT = ("type", "data", "binaryData")


def copy_of(origin: Origin, namespace: str, kind: str, source: Object) -> Object:
    """Builds the copy.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        kind: Secret or ConfigMap.
        source: What to copy.
    """
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": origin.metadata(source["metadata"]["name"], namespace),
        **{field: source[field] for field in _CONTENT if source.get(field)},
        # What cannot change, kubelets need not watch.
        "immutable": True,
    }


def with_pull_secrets(workload: Object, secrets: list[str]) -> Object:
    """Lets the pods of a workload pull their images with the user's Secrets."""
    if secrets:
        workload["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": name} for name in secrets]
    return workload
