"""The few calls the program makes to its own API server and DNS, from outside of their namespace.

``kubectl`` would cost a tenth of a second of processor time each; polling every tenth of a second
would then slow down the very start it watches.
"""

import http.client
import json
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.cluster import network
from e2e.cluster.failure import ClusterError

CALL_TIMEOUT = 5.0


class _Connection(http.client.HTTPSConnection):
    """An HTTPS connection whose socket is opened inside the cluster's namespace."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", 6443, timeout=CALL_TIMEOUT, context=context)
        self._trust = context

    def connect(self) -> None:
        plain = network.open_socket(socket.SOCK_STREAM, CALL_TIMEOUT)
        try:
            plain.connect((self.host, self.port))
            self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


class Api:
    """The cluster's API, as its administrator.

    Raises:
        OSError: From every method, where the server cannot be reached.
    """

    def __init__(self, pki: Path) -> None:
        self._trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def call(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Makes one request and returns status code and text; a body is applied server-side."""
        connection = _Connection(self._trust)
        headers = {"Accept": "application/json", "Content-Type": "application/apply-patch+yaml"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(f"the API server broke off: {error!r}") from error
        finally:
            connection.close()

    def get(self, path: str) -> dict[str, Any]:
        """Returns a JSON document.

        Raises:
            ClusterError: The server answered with another code than 200.
        """
        code, text = self.call("GET", path)
        if code != 200:
            raise ClusterError(f"GET {path} answered {code}: {text[:500]}", "see the API server's log")
        document: dict[str, Any] = json.loads(text)
        return document

    def apply(self, path: str, document: dict[str, Any]) -> None:
        """Applies an object server-side, so that a repeated call changes nothing.

        Raises:
            ClusterError: The server refused it.
        """
        code, text = self.call("PATCH", f"{path}?fieldManager=seatrial-cluster&force=true", document)
        if code not in (200, 201):
            raise ClusterError(f"applying {path} answered {code}: {text[:500]}", "see the API server's log")

    def ready(self) -> bool:
        """Says whether the server answers ``/readyz`` with 200."""
        return _answers(lambda: self.call("GET", "/readyz")[0] == 200)

    def node_ready(self, node: str) -> bool:
        """Says whether the node exists and its condition Ready is True."""
        return _answers(lambda: condition(self.get(f"/api/v1/nodes/{node}"), "Ready"))

    def metrics_available(self) -> bool:
        """Says whether the metrics API is served."""
        path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
        return _answers(lambda: condition(self.get(path), "Available"))


def condition(document: dict[str, Any], kind: str) -> bool:
    """Says whether a resource has a condition of this type with status True."""
    conditions: list[dict[str, str]] = document.get("status", {}).get("conditions", [])
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)


def _answers(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (OSError, ClusterError):
        return False


def dns_answers(address: str, name: str = "kubernetes.default.svc.cluster.local") -> bool:
    """Says whether the DNS server at an address knows a name (RFC 1035, one A question by UDP)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 0x5EA, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    try:
        with network.open_socket(socket.SOCK_DGRAM, 0.3) as client:
            client.sendto(query, (address, 53))
            answer = client.recv(512)
    except (OSError, ClusterError):
        return False
    if len(answer) < 12:
        return False
    header: tuple[int, int, int, int] = struct.unpack(">4H", answer[:8])
    identity, flags, _, answers = header
    ours_without_error = (identity, flags & 0xF) == (0x5EA, 0)
    return ours_without_error and answers != 0
