"""Which cluster, as whom, and in which namespace."""

import asyncio
import json
from pathlib import Path
from typing import Any

import certifi
import pytest
from kubernetes.aio.config import incluster_config, kube_config

from seatrial.kube.client import Client
from seatrial.kube.connect import connect
from seatrial.kube.errors import KubeError, Unreachable
from seatrial.kube.resources import PODS

pytestmark = pytest.mark.anyio

CERTIFICATES = Path(certifi.where()).read_text()


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    def context(name: str, namespace: str | None) -> dict[str, Any]:
        inside = {"cluster": name, "user": "me"} | ({"namespace": namespace} if namespace else {})
        return {"name": name, "context": inside}

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}:1"}} for name in ("kind", "prod")],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [context("kind", None), context("prod", "shop")],
        "current-context": "kind",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


def host(client: Client) -> str:
    return str(client._api.configuration.host)


async def test_the_current_context_is_taken(kubeconfig: Path) -> None:
    async with connect(kubeconfig=str(kubeconfig)) as client:
        assert (host(client), client.default_namespace) == ("http://kind:1", "default")


async def test_a_named_context_is_taken(kubeconfig: Path) -> None:
    async with connect("prod", str(kubeconfig)) as client:
        assert (host(client), client.default_namespace) == ("http://prod:1", "shop")


async def test_the_file_may_be_where_kubectl_looks(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    async with connect("prod") as client:
        assert (host(client), client.default_namespace) == ("http://prod:1", "shop")


async def test_a_context_that_does_not_exist(kubeconfig: Path) -> None:
    with pytest.raises(KubeError, match=r"cannot tell which cluster to use: .*staging"):
        async with connect("staging", str(kubeconfig)):
            raise AssertionError


@pytest.mark.parametrize("content", [None, "", "{}", "a: [", "[]", "text", "contexts: []\ncurrent-context: x"])
async def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(KubeError, match="cannot tell which cluster to use"):
        async with connect(kubeconfig=str(path)):
            raise AssertionError


async def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="cannot tell which cluster to use"):
        async with connect(kubeconfig=str(tmp_path)):
            raise AssertionError


async def test_in_a_pod_the_service_account_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, certificate = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("of-the-pod")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate))
    with pytest.raises(KubeError, match="certification file does not exist"):
        async with connect():
            raise AssertionError
    certificate.write_text(CERTIFICATES)
    async with connect() as client:
        assert host(client) == "https://10.0.0.1:443"
        assert await client._api.configuration.get_api_key_with_prefix("BearerToken") == "bearer of-the-pod"


async def test_in_a_pod_a_named_context_still_counts(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    async with connect("prod", str(kubeconfig)) as client:
        assert host(client) == "http://prod:1"


async def test_a_server_with_a_name_that_nobody_knows(tmp_path: Path) -> None:
    content = {
        "clusters": [{"name": "a", "cluster": {"server": "http://nobody.invalid:1"}}],
        "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "current-context": "a",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    async with connect(kubeconfig=str(path)) as client:
        with pytest.raises(Unreachable):
            await client.get(PODS, "a", "shop")


async def test_followed_logs_leave_room_for_other_calls(kubeconfig: Path) -> None:
    """Each holds a connection; the package's own limit of 100 would let one load test lock everybody out."""
    async with connect(kubeconfig=str(kubeconfig)) as client:
        assert client._api.configuration.connection_pool_maxsize == 0


async def test_the_proxy_of_the_environment_is_used_and_no_password_of_another_program(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    netrc = tmp_path / "netrc"
    netrc.write_text("machine kind login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = await asyncio.start_server(proxy, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{port}")
        async with connect(kubeconfig=str(kubeconfig)) as client:
            assert await client.get(PODS, "a", "shop") == {}
        monkeypatch.setenv("NO_PROXY", "kind")
        async with connect(kubeconfig=str(kubeconfig)) as client:
            with pytest.raises(Unreachable):
                await client.get(PODS, "a", "shop")
    (head,) = heads
    assert head.startswith(b"GET http://kind:1/api/v1/namespaces/shop/pods/a HTTP/1.1")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in head
    assert b"\r\nauthorization: bearer secret" in head.lower()
