"""The kinds of objects that Seatrial reads and writes, and where the API server keeps them."""

from dataclasses import dataclass

from seatrial.api.base import GROUP, VERSION


@dataclass(frozen=True)
class Resource:
    """One kind of object.

    Attributes:
        group: API group; empty for the core group.
        version: Version of the group.
        plural: Name in paths.
        kind: Name in manifests.
        namespaced: Whether its objects live in namespaces.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """What stands in ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of a collection, an object, or a part of an object."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


def subject(path: str) -> str:
    """What a path is about, as RBAC rules name it: ``testscenarios/status`` for the status of one TestScenario."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    return "/".join(parts[::2])


TEST_SCENARIOS = Resource(GROUP, VERSION, "testscenarios", "TestScenario")
LOAD_TESTS = Resource(GROUP, VERSION, "loadtests", "LoadTest")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
PODS = Resource("", "v1", "pods", "Pod")
POD_METRICS = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
EVENTS = Resource("", "v1", "events", "Event")
SECRETS = Resource("", "v1", "secrets", "Secret")
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange")
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
JOBS = Resource("batch", "v1", "jobs", "Job")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")

#: What makes pods.
WORKLOADS = (DEPLOYMENTS, STATEFUL_SETS, JOBS)
#: What a run makes in its resource's own namespace and takes away again one by one, in that order; the record of the
#: run is last. ConfigMaps go with the record, which owns them: nobody needs the right to read them for that.
BESIDE = (*WORKLOADS, SERVICES, CONTROLLER_REVISIONS)
#: Every kind of object that is made for a run in the namespace of its environment. Claims are made by Kubernetes for
#: StatefulSets, with our labels.
MADE = (
    *WORKLOADS,
    SERVICES,
    SECRETS,
    CONFIG_MAPS,
    PERSISTENT_VOLUME_CLAIMS,
    NETWORK_POLICIES,
    RESOURCE_QUOTAS,
    LIMIT_RANGES,
)

BY_KIND = {
    resource.kind: resource
    for resource in (
        TEST_SCENARIOS,
        LOAD_TESTS,
        NAMESPACES,
        SERVICES,
        CONFIG_MAPS,
        PODS,
        EVENTS,
        SECRETS,
        RESOURCE_QUOTAS,
        LIMIT_RANGES,
        NETWORK_POLICIES,
        DEPLOYMENTS,
        CONTROLLER_REVISIONS,
        STATEFUL_SETS,
        JOBS,
        SECRETS,
        CONFIG_MAPS,
        PERSISTENT_VOLUME_CLAIMS,
    )
}
