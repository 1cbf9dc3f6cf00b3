import json
from pathlib import Path

import pytest

from e2e.cluster import components, configuration, network, pki
from e2e.cluster.folders import Folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(cache=tmp_path / "cache", state=tmp_path / "state")


def test_what_the_cluster_writes_lies_below_its_state(folders: Folders) -> None:
    kubelet = json.loads(configuration.kubelet(folders))
    pods = json.loads(configuration.pod_network(folders))
    written = [
        kubelet["podLogsDir"],
        kubelet["volumePluginDir"],
        kubelet["resolvConf"],
        pods["plugins"][0]["ipam"]["dataDir"],
    ]
    assert all(Path(path).is_relative_to(folders.state) for path in written)


def test_pods_resolve_and_reach_the_api_at_the_first_service_addresses(folders: Folders) -> None:
    assert json.loads(configuration.kubelet(folders))["clusterDNS"] == [network.DNS_SERVICE_ADDRESS]
    server = next(wanted for wanted in pki.certificates("node") if wanted.name == "apiserver")
    assert f"IP:{network.API_SERVICE_ADDRESS}" in server.names


def test_other_names_than_the_clusters_are_refused_in_a_block_of_their_own(folders: Folders) -> None:
    blocks = configuration.coredns(folders).split("\n}\n")
    assert not any("kubernetes cluster.local" in block and "template" in block for block in blocks)


def test_each_component_has_a_name_of_its_own(folders: Folders) -> None:
    everything = [*components.storage(folders, Path("bin")), *components.clients(folders, Path("bin"))]
    names = [component.name for component in everything]
    assert len(set(names)) == len(names) == 9


def test_the_kubelet_may_act_for_its_node_only() -> None:
    kubelet = next(wanted for wanted in pki.certificates("seatrial") if wanted.name == "kubelet")
    assert kubelet.subject == "/O=system:nodes/CN=system:node:seatrial"


def test_keys_and_certificates_are_made_by_openssl(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    pki.create(folder, "seatrial")
    made = {path.name for path in folder.iterdir()}
    wanted = {f"{certificate.name}.{kind}" for certificate in pki.certificates("seatrial") for kind in ("crt", "key")}
    assert wanted | {"ca.crt", "front-proxy-ca.crt", "service-account.key", "service-account.pub"} <= made
    assert folder.stat().st_mode & 0o077 == 0
