"""One environment with everything in it: storage, files, Secrets, an init command, a migration, an ordered end."""

import base64
import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, Trials

POSTGRES = "localhost/seatrial-example-postgres:dev"
REDIS = "localhost/seatrial-example-redis:dev"
PASSWORD = "swordfish"  # noqa: S105 - made up
#: A folder of the node in which the test's volume is.
HOST = "/var/tmp"  # noqa: S108 - on the node, under a name of the test's own

SCHEMA = "CREATE TABLE orders (id int); INSERT INTO orders VALUES (7);"
CHECK = """#!/bin/sh
set -eux
test "$FLAG" = new
test "$FLAGS_cart" = new
test "$RUN" = "${run.id}"
test "$(psql --host db --username postgres --tuples-only --no-align --command 'SELECT id FROM orders')" = 7
sleep 4
"""


def _on_the_node(trials: Trials, kubectl: Run, name: str, command: str) -> None:
    """Runs a command as root in a folder of the node."""
    container = {
        "name": "shell",
        "image": REDIS,
        "command": ["sh", "-c", command],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "host", "mountPath": "/host"}],
    }
    volume = {"name": "host", "hostPath": {"path": HOST}}
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    trials.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "-n", trials.namespace, "--timeout=60s")


@pytest.fixture
def storage_class(trials: Trials, kubectl: Run) -> Iterator[str]:
    """A volume under a storage class that nothing else has, because the cluster may have no provisioner."""
    name = f"seatrial-e2e-{uuid.uuid4().hex[:8]}"
    _on_the_node(trials, kubectl, "prepare", f"mkdir -m 0777 /host/{name}")
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": name,
        "hostPath": {"path": f"{HOST}/{name}", "type": "Directory"},
    }
    trials.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume})
    yield name
    kubectl("delete", "persistentvolume", name, "--wait=false")
    _on_the_node(trials, kubectl, "clean-up", f"rm -rf /host/{name}")


def _inputs(trials: Trials) -> None:
    trials.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": PASSWORD}}
    )
    trials.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"cart": "new"}})
    auth = base64.b64encode(b"user:pass").decode()
    config = json.dumps({"auths": {"registry.example.com": {"auth": auth}}})
    trials.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "registry"},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config},
        }
    )


def _scenario(storage_class: str) -> dict[str, Any]:
    password = {"name": "db", "key": "password"}
    flag = {"name": "flags", "key": "cart"}
    db = {
        "name": "db",
        "image": POSTGRES,
        "env": [{"name": "POSTGRES_PASSWORD", "secret": password}],
        "ports": [{"name": "sql", "port": 5432}],
        "ready": {"tcp": {}},
        "storage": {"path": "/var/lib/postgresql", "size": "512Mi", "storageClass": storage_class},
        "init": {"command": ["sh", "-c", 'test -n "$POSTGRES_PASSWORD" && touch /var/lib/postgresql/prepared']},
    }
    migrate = {
        "name": "migrate",
        "image": POSTGRES,
        "completes": True,
        "dependsOn": [{"service": "db"}],
        "env": [{"name": "PGPASSWORD", "secret": password}],
        "files": [{"path": "/sql/schema.sql", "content": SCHEMA}],
        "command": ["psql", "--host", "db", "--username", "postgres", "--file", "/sql/schema.sql"],
    }
    web = {
        "name": "web",
        "image": REDIS,
        "dependsOn": [{"service": "migrate", "condition": "Completed"}],
        "ports": [{"name": "redis", "port": 6379}],
        "ready": {"tcp": {}},
        "files": [{"path": "/etc/flags/cart.conf", "content": "cart=new\n"}],
        "init": {"command": ["grep", "-q", "cart=new", "/etc/flags/cart.conf"]},
    }
    check = {
        "image": POSTGRES,
        "command": ["/checks/run.sh"],
        "files": [{"path": "/checks/run.sh", "content": CHECK, "mode": "0755"}],
        "env": [
            {"name": "FLAG", "configMap": flag},
            {"name": "PGPASSWORD", "secret": password},
            {"name": "RUN", "value": "${run.id}"},
        ],
        "envFrom": [{"configMap": "flags", "prefix": "FLAGS_"}],
    }
    environment = {
        "secrets": ["db"],
        "configMaps": ["flags"],
        "imagePullSecrets": ["registry"],
        "services": [db, migrate, web],
    }
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "TestScenario",
        "metadata": {"name": "whole"},
        "spec": {"environment": environment, "steps": [{"name": "check", "job": check}]},
    }


def _read(kubectl: Run, kinds: str, namespace: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl("get", kinds, "-n", namespace, "-o", "json").stdout)["items"]
    return found


def test_an_environment_with_everything_comes_and_goes(
    trials: Trials, kubectl: Run, storage_class: str, tmp_path: Path
) -> None:
    _inputs(trials)
    trials.apply(_scenario(storage_class))
    trials.until("the step runs", lambda: _step_runs(trials), 90)
    stored = trials.get("tscn", "whole")
    namespace = stored["status"]["run"]["namespace"]

    assert {one["name"]: one["state"] for one in stored["status"]["services"]} == {
        "db": "Healthy",
        "migrate": "Completed",
        "web": "Healthy",
    }
    (claim,) = _read(kubectl, "persistentvolumeclaims", namespace)
    assert (claim["metadata"]["name"], claim["status"]["phase"]) == ("data-db-0", "Bound")
    pods = _read(kubectl, "pods", namespace)
    assert len(pods) == 4
    assert all(pod["spec"]["imagePullSecrets"] == [{"name": "registry"}] for pod in pods)
    assert {secret["metadata"]["name"] for secret in _read(kubectl, "secrets", namespace)} == {"db", "registry"}

    order = _watch_pods(namespace, tmp_path / "pods")
    stored = trials.wait("tscn", "whole", "TornDown")
    order.terminate()
    order.wait(10)
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Passed", "AllStepsSucceeded")
    _check_order((tmp_path / "pods").read_text().splitlines())

    trials.nothing_left(stored["metadata"]["uid"], timeout=2)
    assert kubectl("get", "namespace", namespace, check=False).returncode != 0
    volume = json.loads(kubectl("get", "persistentvolume", storage_class, "-o", "json").stdout)
    assert volume["status"]["phase"] == "Released"
    assert trials.get("secret", "db")["data"]["password"] == base64.b64encode(PASSWORD.encode()).decode()
    assert PASSWORD not in json.dumps(stored)


def _step_runs(trials: Trials) -> bool:
    status = trials.get("tscn", "whole").get("status", {})
    assert not status.get("verdict"), status
    return bool(status.get("phase") == "Running")


def _watch_pods(namespace: str, path: Path) -> subprocess.Popen[bytes]:
    """Writes what becomes of pods into a file, line by line."""
    ended = "{.object.status.containerStatuses[0].state.terminated.exitCode}"
    form = f"{{.object.metadata.labels.seatrial\\.dev/service}},{{.object.metadata.deletionTimestamp}},{ended}\n"
    options = ["--watch", "--output-watch-events", "--output", f"jsonpath={form}"]
    with path.open("wb") as file:
        watch = subprocess.Popen(["kubectl", "get", "pods", "--namespace", namespace, *options], stdout=file)
    deadline = time.monotonic() + 10
    while b"db," not in path.read_bytes():
        assert time.monotonic() < deadline, "the watch does not start"
        time.sleep(0.1)
    return watch


def _check_order(lines: list[str]) -> None:
    """What depends on the database has ended before the database is told to go."""
    seen = [line.split(",") for line in lines]
    web_has_ended = next(index for index, (name, _, code) in enumerate(seen) if name == "web" and code)
    db_is_told = next(index for index, (name, told, _) in enumerate(seen) if name == "db" and told)
    assert web_has_ended < db_is_told, lines


def test_a_missing_secret_is_named(trials: Trials) -> None:
    service = {"name": "cache", "image": REDIS, "env": [{"name": "P", "secret": {"name": "absent", "key": "k"}}]}
    trials.apply(
        {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "TestScenario",
            "metadata": {"name": "missing"},
            "spec": {"environment": {"secrets": ["absent"], "services": [service]}},
        }
    )
    stored = trials.wait("tscn", "missing", "TornDown", timeout=30)
    assert (stored["status"]["verdict"], stored["status"]["reason"]) == ("Error", "SecretNotFound")
    assert f"there is no Secret absent in namespace {trials.namespace}" in stored["status"]["message"]
    trials.nothing_left(stored["metadata"]["uid"], timeout=2)


def test_a_secret_that_is_not_listed_is_refused_with_its_remedy(trials: Trials) -> None:
    service = {"name": "cache", "image": REDIS, "env": [{"name": "P", "secret": {"name": "db", "key": "k"}}]}
    trials.apply(
        {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "TestScenario",
            "metadata": {"name": "unlisted"},
            "spec": {"environment": {"services": [service]}},
        }
    )
    stored = trials.wait("tscn", "unlisted", "Stalled", timeout=10)
    message = next(row["message"] for row in stored["status"]["conditions"] if row["type"] == "Stalled")
    assert "spec.environment.services[0].env[0].secret.name" in message
    assert "add it to environment.secrets" in message
