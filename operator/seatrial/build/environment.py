"""The guarded namespace of a run: what lives in it can harm neither its neighbours nor the cluster."""

from collections.abc import Sequence
from typing import Any

from seatrial.api import names
from seatrial.api.environment import Service
from seatrial.api.environment_checks import claims_of, storage_of
from seatrial.build.origin import Origin

Object = dict[str, Any]

#: Sets what a container gets that says nothing itself; a quota demands that every container has requests and limits.
DEFAULT_REQUESTS = {"cpu": "50m", "memory": "64Mi"}
DEFAULT_LIMITS = {"cpu": "1", "memory": "512Mi"}
#: What all of one environment may use together.
QUOTA = {
    "pods": "100",
    "requests.cpu": "16",
    "requests.memory": "32Gi",
    "limits.memory": "64Gi",
    "persistentvolumeclaims": "0",
    "requests.storage": "0",
    "services.loadbalancers": "0",
    "services.nodeports": "0",
}


def namespace(origin: Origin, name: str, spec: str) -> Object:
    """Builds the namespace.

    Args:
        origin: The run.
        name: Its name.
        spec: The run's spec as JSON, kept here so that an edit during the run, and a restart of the operator, change
            nothing about it.
    """
    metadata = origin.metadata(name)
    metadata["labels"] |= {
        "pod-security.kubernetes.io/enforce": "baseline",
        "pod-security.kubernetes.io/warn": "baseline",
        "pod-security.kubernetes.io/audit": "restricted",
    }
    metadata["annotations"][names.RUN_SPEC] = spec
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def guards(origin: Origin, name: str, operator_namespace: str, services: Sequence[Service] = ()) -> list[Object]:
    """Builds what guards the namespace: quota, limits and network policies.

    Args:
        origin: The run.
        name: Name of the namespace.
        operator_namespace: Where the operator runs; its probes and checks must reach the services.
        services: The services under trial; the quota lets them have the storage they ask for, and nobody more.
    """
    storage = {
        "persistentvolumeclaims": str(claims_of(services)),
        "requests.storage": str(storage_of(services)),
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": origin.metadata("seatrial", name),
            "spec": {"limits": [{"type": "Container", "default": DEFAULT_LIMITS, "defaultRequest": DEFAULT_REQUESTS}]},
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": origin.metadata("seatrial", name),
            "spec": {"hard": QUOTA | storage},
        },
        _network_policy(origin, name, operator_namespace),
    ]


def _network_policy(origin: Origin, name: str, operator_namespace: str) -> Object:
    """Denies everything but traffic within the environment, name lookups, and the operator's own checks."""
    inside: Object = {"podSelector": {}}
    operator = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": operator_namespace}}}
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": origin.metadata("seatrial", name),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [inside, operator]}],
            "egress": [{"to": [inside]}, {"ports": dns}],
        },
    }
