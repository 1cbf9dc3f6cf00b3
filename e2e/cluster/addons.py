"""DNS and metrics: host processes that the cluster knows as Services without a selector."""

from typing import Any

from e2e.cluster import network
from e2e.cluster.api import Api
from e2e.cluster.components import METRICS_PORT

SYSTEM = "kube-system"


def install(api: Api) -> None:
    """Applies the Services, their EndpointSlices and the registration of the metrics API."""
    dns = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    _service(api, "kube-dns", dns, dns, address=network.DNS_SERVICE_ADDRESS)
    outer = {"name": "https", "port": 443, "targetPort": METRICS_PORT, "protocol": "TCP"}
    inner = {"name": "https", "port": METRICS_PORT, "protocol": "TCP"}
    _service(api, "metrics-server", [outer], [inner])
    api.apply(
        "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io",
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "metrics-server", "namespace": SYSTEM, "port": 443},
            },
        },
    )


def _service(
    api: Api, name: str, outer: list[dict[str, Any]], inner: list[dict[str, Any]], *, address: str | None = None
) -> None:
    """Applies a Service with the ports ``outer`` that leads to the ports ``inner`` of the node."""
    spec: dict[str, Any] = {"ports": outer} | ({"clusterIP": address} if address else {})
    api.apply(
        f"/api/v1/namespaces/{SYSTEM}/services/{name}",
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SYSTEM}, "spec": spec},
    )
    api.apply(
        f"/apis/discovery.k8s.io/v1/namespaces/{SYSTEM}/endpointslices/{name}-host",
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-host",
                "namespace": SYSTEM,
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [network.NODE_ADDRESS], "conditions": {"ready": True}}],
            "ports": inner,
        },
    )
