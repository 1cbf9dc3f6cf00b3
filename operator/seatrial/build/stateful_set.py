"""The StatefulSet of a service with storage, and the headless Service that governs it."""

from typing import Any

from seatrial.api.environment import Service
from seatrial.api.environment_checks import headless_name
from seatrial.build.deployment import min_ready_seconds, service_pod
from seatrial.build.origin import Origin
from seatrial.build.storage import claim_template

Object = dict[str, Any]


def stateful_set(origin: Origin, namespace: str, service: Service) -> Object:
    """Builds the StatefulSet.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        service: What the user wrote; it has storage.
    """
    assert service.storage is not None  # noqa: S101 - others are Deployments
    metadata = origin.metadata(service.name, namespace, service=service.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata,
        "spec": {
            "replicas": service.replicas,
            "serviceName": headless_name(service.name),
            "minReadySeconds": min_ready_seconds(service),
            # Pods of a trial need not come one after another, and a broken one must not keep the others from coming.
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "revisionHistoryLimit": 0,
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"},
            "selector": {"matchLabels": metadata["labels"]},
            "template": service_pod(service, metadata, "Always"),
            "volumeClaimTemplates": [claim_template(service.storage, metadata)],
        },
    }


def headless_service(origin: Origin, namespace: str, wanted: Service) -> Object:
    """Builds the Service that gives each pod a name of its own, also before it is ready: peers look for one another."""
    metadata = origin.metadata(headless_name(wanted.name), namespace, service=wanted.name)
    spec: Object = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": metadata["labels"]}
    if wanted.ports:
        spec["ports"] = [{"name": port.name, "port": port.port, "targetPort": port.name} for port in wanted.ports]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
