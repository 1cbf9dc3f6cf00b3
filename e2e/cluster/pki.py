"""Keys and certificates of the from-source cluster, made with the ``openssl`` command.

Two authorities: the cluster's own, and the front proxy's, with which the API server signs in at
metrics-server (Kubernetes, "Configure the aggregation layer"). Keys are on the curve P-256, which
takes milliseconds where RSA takes seconds. All of it is valid for 30 days and dies with the state.
"""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import network
from e2e.cluster.command import run

VALID_DAYS = "30"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """One certificate to make.

    Attributes:
        name: Stem of its files.
        subject: User name as CN and group as O, the way Kubernetes reads client certificates.
        names: Subject alternative names in openssl's notation; none for a pure client.
        authority: Stem of the signing authority's files.
    """

    name: str
    subject: str
    names: tuple[str, ...] = ()
    authority: str = "ca"


def certificates(node: str) -> list[Certificate]:
    """Returns every certificate that the cluster's components need.

    Args:
        node: The node's name, which the node authorizer reads from the kubelet's certificate.
    """
    api_names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    api_addresses = ("127.0.0.1", network.API_SERVICE_ADDRESS, network.NODE_ADDRESS)
    return [
        Certificate(
            "apiserver",
            "/CN=kube-apiserver",
            (*(f"DNS:{name}" for name in api_names), *(f"IP:{address}" for address in api_addresses)),
        ),
        Certificate("admin", "/O=system:masters/CN=admin"),
        Certificate(
            "kubelet",
            f"/O=system:nodes/CN=system:node:{node}",
            (f"IP:{network.NODE_ADDRESS}", f"DNS:{node}"),
        ),
        Certificate("controller-manager", "/CN=system:kube-controller-manager"),
        Certificate("scheduler", "/CN=system:kube-scheduler"),
        Certificate("proxy", "/CN=system:kube-proxy"),
        Certificate("front-proxy", "/CN=front-proxy", authority="front-proxy-ca"),
    ]


def create(folder: Path, node: str) -> None:
    """Writes all keys (``NAME.key``) and certificates (``NAME.crt``) into a folder."""
    folder.mkdir(mode=0o700, parents=True)
    wanted = certificates(node)
    with ThreadPoolExecutor(max_workers=4) as pool:
        service_accounts = pool.submit(_service_account_keys, folder)
        list(pool.map(lambda name: _authority(folder, name), ("ca", "front-proxy-ca")))
        list(pool.map(lambda certificate: _sign(folder, certificate), wanted))
        service_accounts.result()


def _authority(folder: Path, name: str) -> None:
    subject = f"/CN=seatrial-{name}"
    out = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
    run(["openssl", "req", "-x509", *NEW_KEY, *out, "-subj", subject, "-days", VALID_DAYS], cwd=folder)


def _sign(folder: Path, wanted: Certificate) -> None:
    name = wanted.name
    extensions = folder / f"{name}.ext"
    lines = ["extendedKeyUsage=clientAuth,serverAuth"]
    if wanted.names:
        lines.append(f"subjectAltName={','.join(wanted.names)}")
    extensions.write_text("\n".join(lines) + "\n")
    out = ("-keyout", f"{name}.key", "-out", f"{name}.csr")
    run(["openssl", "req", *NEW_KEY, *out, "-subj", wanted.subject], cwd=folder)
    authority = ("-CA", f"{wanted.authority}.crt", "-CAkey", f"{wanted.authority}.key")
    # A serial number of its own for each: parallel runs would race for openssl's serial file.
    serial = ("-set_serial", f"0x{secrets.randbits(64):x}")
    files = ("-in", f"{name}.csr", "-out", f"{name}.crt", "-extfile", str(extensions))
    run(["openssl", "x509", "-req", *authority, *serial, *files, "-days", VALID_DAYS], cwd=folder)


def _service_account_keys(folder: Path) -> None:
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    run(["openssl", "genpkey", *curve, "-out", "service-account.key"], cwd=folder)
    run(["openssl", "pkey", "-in", "service-account.key", "-pubout", "-out", "service-account.pub"], cwd=folder)
