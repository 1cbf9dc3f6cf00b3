"""The Deployment and the Service of one service under trial."""

import math
from datetime import timedelta
from typing import Any

from seatrial.api.environment import Service
from seatrial.api.readiness import DEFAULT_STATUSES, HttpProbe, Readiness
from seatrial.build.container import container, pod
from seatrial.build.files import files_name, files_volume
from seatrial.build.init_container import init_container
from seatrial.build.origin import Origin
from seatrial.build.storage import WRITABLE, storage_mount

Object = dict[str, Any]


def deployment(origin: Origin, namespace: str, service: Service) -> Object:
    """Builds the Deployment.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        service: What the user wrote.
    """
    metadata = origin.metadata(service.name, namespace, service=service.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": service.replicas,
            "minReadySeconds": min_ready_seconds(service),
            # A trial never rolls: a broken pod is a finding, not something to work around.
            "strategy": {"type": "Recreate"},
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": metadata["labels"]},
            "template": service_pod(origin, service, metadata, "Always"),
        },
    }


def min_ready_seconds(service: Service) -> int:
    """How long a pod must have been ready to count.

    Without a probe a container counts as ready the moment it starts, even one that crashes at once, and the kubelet
    takes up to two seconds to notice that it did.
    """
    return 0 if _kubelet_probe(service) else 3


def service_pod(origin: Origin, service: Service, metadata: Object, restart: str) -> Object:
    """Builds the pod template of a service.

    Args:
        origin: The run.
        service: What the user wrote.
        metadata: Metadata of the workload, whose labels and annotations its pods get.
        restart: Restart policy.
    """
    built = container(service, service.name)
    if service.ports:
        built["ports"] = [{"name": port.name, "containerPort": port.port} for port in service.ports]
    probe = _kubelet_probe(service)
    if probe:
        built["readinessProbe"] = probe
    files = files_name(origin.title(f"service-{service.name}", metadata["namespace"]))
    volumes = [files_volume(files, service.files)] if service.files else []
    if service.storage:
        built["volumeMounts"] = [storage_mount(service.storage), *built.get("volumeMounts", [])]
    init = init_container(service, built) if service.init else None
    template = pod(built, metadata["labels"], metadata["annotations"], restart, volumes=volumes, init=init)
    if service.storage:
        template["spec"]["securityContext"] |= WRITABLE
    return template


def service(origin: Origin, namespace: str, wanted: Service) -> Object:
    """Builds the Service by which the others, and Seatrial's probes and checks, reach the pods."""
    metadata = origin.metadata(wanted.name, namespace, service=wanted.name)
    spec: Object = {
        "selector": metadata["labels"],
        "ports": [{"name": port.name, "port": port.port, "targetPort": port.name} for port in wanted.ports],
    }
    if wanted.found_by_probe:
        # There is no other pod to lead to, and the kubelet asks again only after a whole second.
        spec["publishNotReadyAddresses"] = True
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _kubelet_probe(service: Service) -> Object | None:
    """The kubelet's own probe, so that a Service leads only to pods that answer."""
    ready: Readiness = service.ready
    probe: Object
    if ready.http:
        probe = _http_or_tcp(service, ready.http)
    elif ready.tcp:
        probe = {"tcpSocket": {"port": _port(service, ready.tcp.port)}}
    elif ready.grpc:
        # The kubelet takes no names here.
        name = _port(service, ready.grpc.port)
        number = next(port.port for port in service.ports if port.name == name)
        probe = {"grpc": {"port": number, "service": ready.grpc.service}}
    elif ready.command:
        probe = {"exec": {"command": list(ready.command)}, "successThreshold": ready.success_threshold}
    else:
        return None
    return probe | {
        "periodSeconds": _whole_seconds(ready.interval),
        "timeoutSeconds": _whole_seconds(ready.probe_timeout),
        "failureThreshold": ready.failure_threshold,
    }


def _http_or_tcp(service: Service, probe: HttpProbe) -> Object:
    """The kubelet takes 200 to 399 for healthy; where others are wanted, it can only see whether the port is open."""
    port = _port(service, probe.port)
    if not set(probe.statuses) <= set(DEFAULT_STATUSES):
        return {"tcpSocket": {"port": port}}
    headers = [{"name": header.name, "value": header.value} for header in probe.headers]
    return {"httpGet": {"port": port, "path": probe.path} | ({"httpHeaders": headers} if headers else {})}


def _whole_seconds(duration: timedelta) -> int:
    return max(1, math.ceil(duration.total_seconds()))


def _port(service: Service, name: str | None) -> str:
    return name or service.ports[0].name
