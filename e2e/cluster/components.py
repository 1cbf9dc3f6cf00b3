"""The programs of the from-source cluster with their arguments, each as a pure function."""

from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import network
from e2e.cluster.configuration import NODE
from e2e.cluster.folders import Folders

METRICS_PORT = 10251
# Well above the defaults of 20 to 50 a second, which bound namespace deletion and Job starts.
CLIENT_RATE = ["--kube-api-qps=100", "--kube-api-burst=200"]


@dataclass(frozen=True)
class Component:
    """One program of the cluster.

    Attributes:
        name: Stem of its record and log.
        argv: Program and arguments, without the entering of the namespace.
    """

    name: str
    argv: list[str]


def storage(folders: Folders, binaries: Path) -> list[Component]:
    """Returns what needs nothing else: the container runtime, etcd and the API server."""
    return [
        Component("etcd", _etcd(folders, binaries)),
        Component("kube-apiserver", _api_server(folders, binaries)),
        Component("containerd", ["containerd", "-c", str(folders.state / "containerd.toml")]),
    ]


def clients(folders: Folders, binaries: Path) -> list[Component]:
    """Returns what needs the API server."""
    return [
        Component("kubelet", _kubelet(folders, binaries)),
        Component("kube-controller-manager", _controller_manager(folders, binaries)),
        Component("kube-scheduler", _scheduler(folders, binaries)),
        Component("kube-proxy", _proxy(folders, binaries)),
        Component("coredns", [str(binaries / "coredns"), "-conf", str(folders.state / "Corefile")]),
        Component("metrics-server", _metrics_server(folders, binaries)),
    ]


def _etcd(folders: Folders, binaries: Path) -> list[str]:
    return [
        str(binaries / "etcd"),
        f"--data-dir={folders.state}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        # Right only because the data is thrown away with the cluster.
        "--unsafe-no-fsync",
    ]


def _api_server(folders: Folders, binaries: Path) -> list[str]:
    pki = folders.pki
    return [
        str(binaries / "kube-apiserver"),
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=6443",
        # Pods reach it by the node's address, behind the first Service address.
        "--bind-address=0.0.0.0",
        f"--advertise-address={network.NODE_ADDRESS}",
        f"--service-cluster-ip-range={network.SERVICE_RANGE}",
        f"--cert-dir={folders.state}/apiserver",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--service-account-key-file={pki}/service-account.pub",
        f"--service-account-signing-key-file={pki}/service-account.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        f"--kubelet-client-certificate={pki}/admin.crt",
        f"--kubelet-client-key={pki}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--enable-aggregator-routing=false",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki}/front-proxy.crt",
        f"--proxy-client-key-file={pki}/front-proxy.key",
    ]


def _controller_manager(folders: Folders, binaries: Path) -> list[str]:
    return [
        str(binaries / "kube-controller-manager"),
        f"--kubeconfig={folders.state}/controller-manager.kubeconfig",
        f"--service-account-private-key-file={folders.pki}/service-account.key",
        f"--root-ca-file={folders.pki}/ca.crt",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--flex-volume-plugin-dir={folders.state}/volume-plugins",
        *CLIENT_RATE,
    ]


def _scheduler(folders: Folders, binaries: Path) -> list[str]:
    return [
        str(binaries / "kube-scheduler"),
        f"--kubeconfig={folders.state}/scheduler.kubeconfig",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        *CLIENT_RATE,
    ]


def _kubelet(folders: Folders, binaries: Path) -> list[str]:
    return [
        str(binaries / "kubelet"),
        f"--config={folders.state}/kubelet.json",
        f"--kubeconfig={folders.state}/kubelet.kubeconfig",
        f"--root-dir={folders.state}/kubelet",
        f"--cert-dir={folders.state}/kubelet-pki",
        f"--hostname-override={NODE}",
        f"--node-ip={network.NODE_ADDRESS}",
    ]


def _proxy(folders: Folders, binaries: Path) -> list[str]:
    return [
        str(binaries / "kube-proxy"),
        f"--kubeconfig={folders.state}/proxy.kubeconfig",
        f"--cluster-cidr={network.POD_RANGE}",
        f"--hostname-override={NODE}",
        "--proxy-mode=iptables",
        # The default of 1 s is for thousands of Services; each service of an environment would wait for it.
        "--iptables-min-sync-period=100ms",
        # The table's size belongs to the machine and cannot be set from a namespace.
        "--conntrack-max-per-core=0",
    ]


def _metrics_server(folders: Folders, binaries: Path) -> list[str]:
    return [
        str(binaries / "metrics-server"),
        f"--kubeconfig={folders.kubeconfig}",
        f"--authentication-kubeconfig={folders.kubeconfig}",
        f"--authorization-kubeconfig={folders.kubeconfig}",
        f"--secure-port={METRICS_PORT}",
        f"--bind-address={network.NODE_ADDRESS}",
        f"--cert-dir={folders.state}/metrics-server",
        "--kubelet-insecure-tls",
        "--kubelet-preferred-address-types=InternalIP",
        # The resolution must be above the timeout.
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]
