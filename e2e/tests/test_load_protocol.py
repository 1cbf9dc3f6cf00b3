"""What load says on the wire: TLS that is verified, connections of every kind, redirects, headless Services."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from .conftest import ROOT, Run, Trials

#: Redirects from /from, and says of each connection which path was asked for first.
SERVER = """
import ssl
from aiohttp import web

seen = set()

async def answer(request):
    if request.transport not in seen:
        seen.add(request.transport)
        print("connection for", request.path, flush=True)
    if request.path == "/from":
        raise web.HTTPFound("/to")
    return web.Response(text="hello")

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
app = web.Application()
app.router.add_get("/{path:.*}", answer)
web.run_app(app, port=8443, ssl_context=context, print=None, access_log=None)
"""


def load_test(name: str, service: str, tls: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A LoadTest of the server."""
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": name},
        "spec": {
            "target": {"service": service, "port": "https", "tls": tls},
            "profile": {"users": 2, "duration": "3s"},
            **spec,
        },
    }


def flow(path: str) -> dict[str, Any]:
    """One request after the other, slowly: handshakes are work, and this is no test of speed."""
    step = {"path": path, "expect": ["response.text == 'hello'"]}
    return {"name": "look", "thinkTime": "100ms", "steps": [step]}


def objects(authority: trustme.CA, namespace: str) -> Iterator[dict[str, Any]]:
    """Two pods that speak TLS, one Service before them and one that leads to them, and what to trust them by."""
    certificate = authority.issue_cert(f"secure.{namespace}.svc", f"pods.{namespace}.svc")
    pair = {
        "tls.crt": certificate.cert_chain_pems[0].bytes().decode(),
        "tls.key": certificate.private_key_pem.bytes().decode(),
    }
    right, other = (each.cert_pem.bytes().decode() for each in (authority, trustme.CA()))
    yield {"kind": "Secret", "metadata": {"name": "secure-tls"}, "type": "kubernetes.io/tls", "stringData": pair}
    yield {"kind": "Secret", "metadata": {"name": "other-ca"}, "stringData": {"ca.crt": other}}
    yield {"kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": right}}
    container = {
        "name": "server",
        "image": "localhost/seatrial-example-inventory:dev",
        "command": ["python", "-c", SERVER],
        "ports": [{"name": "https", "containerPort": 8443}],
        "readinessProbe": {"tcpSocket": {"port": "https"}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "tls", "secret": {"secretName": "secure-tls"}}]}
    template = {"metadata": {"labels": {"app": "secure"}}, "spec": pod}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "secure"}}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "secure"}, "spec": spec}
    ports = [{"name": "https", "port": 443, "targetPort": "https"}]
    for name, more in (("secure", {}), ("pods", {"clusterIP": "None"})):
        spec = {"selector": {"app": "secure"}, "ports": ports, **more}
        yield {"kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def secure(trials: Trials, kubectl: Run) -> Trials:
    items = [{"apiVersion": "v1"} | each for each in objects(trustme.CA(), trials.namespace)]
    trials.apply({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl("rollout", "status", "deployment/secure", "-n", trials.namespace, "--timeout=60s")
    return trials


@pytest.mark.exclusive
def test_tls_connections_redirects_and_headless_services(secure: Trials, kubectl: Run) -> None:
    trusted = {"ca": {"configMap": {"name": "ca", "key": "ca.crt"}}}
    secure.apply(ROOT / "examples/load/tls.yaml")
    secure.apply(load_test("distrusted", "secure", {"ca": {"secret": {"name": "other-ca", "key": "ca.crt"}}}))
    secure.apply(load_test("misnamed", "secure", trusted | {"serverName": "orders.example"}))
    profile = {"users": 4, "duration": "3s"}
    secure.apply(load_test("spread", "pods", trusted, workers=2, flows=[flow("/spread")], profile=profile))

    status = secure.wait("ldt", "tls", "Complete")["status"]
    result = status["result"]
    assert (status["verdict"], result["errors"]) == ("Passed", 0), json.dumps(status)
    # Each request was two, on a connection each.
    assert result["requests"] > 10
    assert result["connections"] == pytest.approx(2 * result["requests"], abs=4)
    assert {"ttfb", "connect", "tls"} <= set(result)
    assert result["bytesSent"] > 100 * result["requests"]

    for name, kind in (("distrusted", "tlsAuthority"), ("misnamed", "tlsName")):
        status = secure.wait("ldt", name, "Complete")["status"]
        assert (status["verdict"], status["reason"]) == ("Failed", "NoSuccess")
        assert [error["kind"] for error in status["result"]["errorsByKind"]] == [kind]
        assert f"({kind}: " in status["message"]

    status = secure.wait("ldt", "spread", "Complete")["status"]
    assert (status["verdict"], status["result"]["errors"]) == ("Passed", 0), json.dumps(status)
    pods = kubectl("get", "pods", "-n", secure.namespace, "-l", "app=secure", "-o", "name").stdout.split()
    told = [kubectl("logs", "-n", secure.namespace, pod).stdout.count("connection for /spread\n") for pod in pods]
    # Two workers with two users each, which start at different pods.
    assert told == [2, 2]
