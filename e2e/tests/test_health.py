"""Health and secrets on real containers: every kind of probe, a service that dies in mid-run, a token found nowhere."""

import base64
import hashlib
import json
from typing import Any

from .conftest import DEPLOYMENT, RELEASE_NAMESPACE, Run, Trials

PYTHON = "localhost/seatrial-example-inventory:dev"

#: What the service hands out; the manifests below hold it nowhere.
TOKEN = hashlib.sha256(b"e2e").hexdigest()

#: HTTP on 8080: /exit ends the process, /login hands out the token. gRPC health on 9090, in HTTP/2 frames made by hand:
#: whatever is asked, it is serving.
APP = r"""
import hashlib, http.server, json, os, socketserver, threading

class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/health' and self.headers.get('x-probe') != 'yes':
            self.send_error(403)
            return
        if self.path == '/exit':
            threading.Timer(0.2, os._exit, [3]).start()
        token = hashlib.sha256(b'e2e').hexdigest() if self.path == '/login' else ''
        body = json.dumps({'status': 'up', 'token': token, 'sent': self.headers.get('authorization')}).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

def frame(kind, flags, stream, payload=b''):
    return len(payload).to_bytes(3, 'big') + bytes([kind, flags]) + stream.to_bytes(4, 'big') + payload

def literal(name, value):
    return b'\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value

HEADERS = b'\x88' + literal(b'content-type', b'application/grpc')

class Grpc(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.read(24)
        self.wfile.write(frame(4, 0, 0))
        while len(head := self.rfile.read(9)) == 9:
            body = self.rfile.read(int.from_bytes(head[:3], 'big'))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], 'big')
            if kind in (4, 6) and not flags & 1:
                self.wfile.write(frame(kind, 1, 0, body if kind == 6 else b''))
            if kind in (0, 1) and flags & 1:
                self.wfile.write(frame(1, 4, stream, HEADERS) + frame(0, 0, stream, b'\0\0\0\0\x02\x08\x01'))
                self.wfile.write(frame(1, 5, stream, literal(b'grpc-status', b'0')))

socketserver.ThreadingTCPServer.allow_reuse_address = True
grpc = socketserver.ThreadingTCPServer(('', 9090), Grpc)
threading.Thread(target=grpc.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(('', 8080), Web).serve_forever()
"""

#: What a command asks from within the container.
ASK = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/x')"

HEALTH = {
    "http": {
        "port": "http",
        "path": "/health",
        "headers": [{"name": "X-Probe", "value": "yes"}],
        "statuses": [200],
        "expect": ["response.json.status == 'up'"],
    }
}


def service(name: str, ready: dict[str, Any]) -> dict[str, Any]:
    ports = [{"name": "http", "port": 8080}, {"name": "grpc", "port": 9090}]
    return {
        "name": name,
        "image": PYTHON,
        "command": ["python", "-c", APP],
        "ports": ports,
        "podSecurity": "Restricted",
        "ready": ready,
    }


def python_job(text: str, **env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {"image": PYTHON, "command": ["python", "-c", text], "podSecurity": "Restricted", "env": variables}


def scenario(name: str, services: list[dict[str, Any]], steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "TestScenario",
        "metadata": {"name": name},
        "spec": {"environment": {"services": services}, "steps": steps},
    }


def get(path: str, **more: Any) -> dict[str, Any]:
    return {"service": "web", "port": "http", "path": path, **more}


def test_every_kind_of_probe_finds_a_healthy_service(trials: Trials) -> None:
    services = [
        service("web", HEALTH),
        service("rpc", {"grpc": {"port": "grpc", "service": "shop.Orders"}}),
        service("shell", {"command": ["python", "-c", ASK], "successThreshold": 2}),
        service("plain", {"tcp": {"port": "grpc"}, "probeTimeout": "2s"}),
    ]
    trials.apply(scenario("probes", services, [{"name": "look", "http": get("/x")}]))
    status = trials.wait("tscn", "probes")["status"]
    assert status["verdict"] == "Passed", status
    assert {one["name"]: one["state"] for one in status["services"]} == dict.fromkeys(
        ("web", "rpc", "shell", "plain"), "Healthy"
    )


def test_a_service_that_is_not_healthy_says_what_its_probe_met(trials: Trials) -> None:
    wrong = {"http": {"port": "http", "path": "/x", "expect": ["response.json.status == 'down'"]}, "timeout": "6s"}
    trials.apply(scenario("never", [service("web", wrong)], []))
    status = trials.wait("tscn", "never")["status"]
    assert (status["verdict"], status["reason"]) == ("Error", "ProbeFailing")
    assert "response.json.status == 'down' is false: response.json = " in status["message"]


def test_a_service_that_dies_in_mid_run_is_named(trials: Trials, kubectl: Run) -> None:
    steps: list[dict[str, Any]] = [
        {"name": "die", "http": get("/exit")},
        {"name": "hold", "needs": [{"step": "die"}], "job": python_job("import time; time.sleep(8)")},
        {"name": "back", "needs": [{"step": "hold"}], "http": get("/x"), "eventually": {"timeout": "30s"}},
    ]
    trials.apply(scenario("mortal", [service("web", HEALTH)], steps))
    status = trials.wait("tscn", "mortal")["status"]
    (web,) = status["services"]
    assert (status["verdict"], web["state"], web["interruptions"]) == ("Passed", "Healthy", 1), status
    assert "interrupted and recovered: web once" in status["message"]
    assert "was not healthy from" in web["message"]
    where = ("-n", trials.namespace, "--field-selector", "reason=ServiceUnhealthy", "-o", "json")
    (event,) = json.loads(kubectl("get", "events", *where).stdout)["items"]
    assert event["type"] == "Warning"
    assert event["message"].startswith("service web is not healthy any more: ")


def test_a_secret_is_used_and_found_nowhere(trials: Trials, kubectl: Run) -> None:
    compare = "import hashlib, os, sys, time; time.sleep(6); "
    compare += "sys.exit(os.environ['SENT'] != 'Bearer ' + hashlib.sha256(b'e2e').hexdigest())"
    bearer = [{"name": "Authorization", "value": "Bearer ${captures.token}"}]
    needs = {"needs": [{"step": "login"}]}
    steps: list[dict[str, Any]] = [
        {"name": "login", "http": get("/login"), "captureSecret": {"token": "response.json.token"}},
        {
            "name": "use",
            **needs,
            "http": get("/orders?token=${captures.token}", headers=bearer),
            "expect": ["response.json.sent == 'Bearer ' + captures.token"],
        },
        {
            "name": "wrong",
            **needs,
            "http": get("/orders?token=${captures.token}", headers=bearer),
            "expect": ["response.json.sent == captures.token"],
        },
        {"name": "work", **needs, "job": python_job(compare, SENT="Bearer ${captures.token}")},
    ]
    trials.apply(scenario("secretive", [service("web", HEALTH)], steps))

    def under_way() -> bool:
        found = trials.get("tscn", "secretive").get("status", {}).get("steps", [])
        return any((step["name"], step["state"]) == ("work", "Running") for step in found)

    trials.until("the Job runs", under_way)
    namespace = trials.get("tscn", "secretive")["status"]["run"]["namespace"]
    kept = json.loads(kubectl("get", "secret", "seatrial-captured-login", "-n", namespace, "-o", "json").stdout)
    assert base64.b64decode(kept["data"]["token"]).decode() == TOKEN
    kinds = "all,configmaps,events,endpointslices,networkpolicies,resourcequotas,limitranges"
    seen = [
        kubectl("get", kinds, "-n", namespace, "-o", "yaml", "--show-managed-fields").stdout,
        kubectl("get", "namespace", namespace, "-o", "yaml", "--show-managed-fields").stdout,
    ]
    stored = trials.wait("tscn", "secretive")
    seen += [
        kubectl("get", "tscn,events,configmaps", "-n", trials.namespace, "-o", "yaml", "--show-managed-fields").stdout,
        kubectl("logs", DEPLOYMENT, "-n", RELEASE_NAMESPACE, "--tail=-1").stdout,
    ]
    status = stored["status"]
    states = {step["name"]: step["state"] for step in status["steps"]}
    assert states == {"login": "Succeeded", "use": "Succeeded", "wrong": "Failed", "work": "Succeeded"}, status
    assert "•••" in status["message"]
    assert "secretive" in seen[0]
    assert "secretKeyRef" in seen[0]
    for text in seen:
        assert TOKEN not in text
        assert base64.b64encode(TOKEN.encode()).decode() not in text
        assert TOKEN[:40] not in text
    trials.nothing_left(stored["metadata"]["uid"])
