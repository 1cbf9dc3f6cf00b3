"""The configuration files of the from-source cluster's components, each as a pure function.

JSON stands for YAML wherever the reader takes both, because the standard library writes it.
"""

import json
from pathlib import Path

from e2e.cluster import network
from e2e.cluster.folders import Folders

NODE = "seatrial"
CONTEXT = "seatrial"
PAUSE_IMAGE = "localhost/seatrial-pause:1"
# Everything that runs in a pod is in this cgroup, so that it can be told from all else.
CGROUP = "/seatrial"


def kubeconfig(pki: Path, user: str) -> str:
    """Returns a kubeconfig that signs in with a client certificate of the folder ``pki``."""
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority": str(pki / "ca.crt")}
    sign_in = {"client-certificate": str(pki / f"{user}.crt"), "client-key": str(pki / f"{user}.key")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": user, "user": sign_in}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        "current-context": CONTEXT,
    }
    return json.dumps(document, indent=2) + "\n"


def kubelet(folders: Folders) -> str:
    """Returns the KubeletConfiguration."""
    pki = folders.pki
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": CGROUP,
        "containerRuntimeEndpoint": f"unix://{folders.containerd_socket}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        # Machines for development have swap, and some still have cgroup v1.
        "failSwapOn": False,
        "failCgroupV1": False,
        "clusterDNS": [network.DNS_SERVICE_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folders.state / "resolv.conf"),
        "podLogsDir": str(folders.state / "pods"),
        "volumePluginDir": str(folders.state / "volume-plugins"),
        "staticPodPath": "",
        "maxPods": 250,
        "syncFrequency": "5s",
        "serializeImagePulls": False,
        # Namespace deletion and Job starts are bounded by these on an otherwise idle machine.
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        # Images were imported and cannot be pulled again: never collect them.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
    }
    return json.dumps(document, indent=2) + "\n"


def containerd(folders: Folders) -> str:
    """Returns containerd's configuration (version 2, which 1.6 and 1.7 read)."""
    return f"""version = 2
root = "{folders.state}/containerd"
state = "{folders.run}/containerd"
# etcd, containerd and the rest share the caller's score: without CAP_SYS_RESOURCE it cannot be lowered.
oom_score = 0
[grpc]
  address = "{folders.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folders.state}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE pods fail with "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = true
  # Pods' network namespaces lie below the state folder, where nobody else's can be mistaken for them.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{folders.run}/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folders.state}/cni/net.d"
"""


def pod_network(folders: Folders) -> str:
    """Returns the CNI configuration: one bridge, addresses from the pod range, host ports."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(folders.state / "cni" / "addresses"),
            "ranges": [[{"subnet": network.POD_RANGE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    port_map = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": network.NAME, "plugins": [bridge, port_map]}, indent=2) + "\n"


def coredns(folders: Folders) -> str:
    """Returns the Corefile: the cluster's names, and "no such name" for all others.

    No cache: a name that did not exist a moment ago must resolve as soon as its Service does.
    """
    # Two blocks: within one, `template` would answer before `kubernetes`, in whatever order they stand.
    return f"""\
cluster.local:53 in-addr.arpa:53 {{
    bind {network.NODE_ADDRESS}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {folders.kubeconfig} {CONTEXT}
        ttl 5
    }}
}}
.:53 {{
    bind {network.NODE_ADDRESS}
    errors
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""
