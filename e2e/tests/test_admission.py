"""What a real API server says: it takes the definitions, they explain themselves, and bad input is refused in words.

Everything is a server-side dry run: no scenario is stored, so none is run.
"""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

ROOT = Path(__file__).parents[2]

Spec = dict[str, Any]

SCENARIO = """
environment:
  namespace: Ephemeral
  services:
    - name: db
      image: postgres:16
      env: [{name: POSTGRES_PASSWORD, value: test}]
      ports: [{name: sql, port: 5432}]
      ready: {tcp: {port: sql}, timeout: 90s}
    - name: orders
      image: ghcr.io/acme/orders:1.9
      replicas: 2
      ports: [{name: http, port: 8080}]
      dependsOn: [{service: db, condition: Healthy}]
      ready: {http: {port: http, path: /healthz}, successThreshold: 2, timeout: 60s}
    - name: inventory
      image: ghcr.io/acme/inventory:1.4
      ports: [{name: http, port: 8080}]
    - name: migrate
      image: ghcr.io/acme/migrate:1
      completes: true
      dependsOn: [{service: db}]
      envFrom: [{secret: db, prefix: DB_}, {configMap: flags}]
      files: [{path: /etc/migrate.conf, content: "a=1", mode: "0600"}]
    - name: search
      image: ghcr.io/acme/search:1
      dependsOn: [{service: migrate, condition: Completed}]
      env: [{name: PASSWORD, secret: {name: db, key: password}}, {name: F, configMap: {name: flags, key: f}}]
      storage: {path: /data, size: 1Gi, storageClass: fast}
      init: {command: [prepare], args: [now], image: "tools:1", env: [{name: A, value: b}]}
  secrets: [db]
  configMaps: [flags]
  imagePullSecrets: [registry]
setup:
  - name: seed
    job: {image: ghcr.io/acme/seed:3, command: [seed, --orders, "500"]}
steps:
  - name: create-order
    http: {service: orders, method: POST, path: /orders, json: {sku: A1}}
    expect: ["response.status == 201", "response.json.total > 0"]
    capture: {orderId: response.json.id}
  - name: stock-follows
    needs: [{step: create-order}]
    http: {service: inventory, path: "/stock/A1?order=${captures.orderId}"}
    expect: ["response.json.reserved == 1"]
    eventually: {timeout: 10s}
  - name: contract
    job: {image: ghcr.io/acme/contract:7}
  - name: peak
    needs: [{step: stock-follows}, {step: contract, result: Completed}]
    load:
      target: {service: orders, port: http}
      requests: [{method: GET, path: /orders}]
      profile: {rate: 500, duration: 2m, warmup: 10s}
      workers: 4
      thresholds:
        - expr: latency.p99 < duration('250ms')
        - expr: errors.rate < 0.01
teardown:
  - name: export
    job: {image: ghcr.io/acme/export:1}
"""

LOAD = """
target: {service: web}
profile: {rate: 100, duration: 30s}
"""


class Kubectl(Protocol):
    """The fixture: kubectl against the cluster of the tests."""

    def __call__(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run has it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]: ...


def create(kubectl: Kubectl, kind: str, spec: Spec) -> subprocess.CompletedProcess[str]:
    manifest = {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "admission", "namespace": "default"},
        "spec": spec,
    }
    return kubectl(
        "create", "--dry-run=server", "--validate=strict", "-f", "-", input=json.dumps(manifest), check=False
    )


def scenario() -> Spec:
    spec: Spec = yaml.safe_load(SCENARIO)
    return spec


def load() -> Spec:
    spec: Spec = yaml.safe_load(LOAD)
    return spec


def service(spec: Spec, index: int) -> Spec:
    found: Spec = spec["environment"]["services"][index]
    return found


def step(spec: Spec, index: int) -> Spec:
    found: Spec = spec["steps"][index]
    return found


def profile(spec: Spec) -> Spec:
    found: Spec = step(spec, 3)["load"]["profile"]
    return found


def test_the_api_server_accepts_the_definitions(kubectl: Kubectl) -> None:
    # Another field manager than the installation's, which is not to be changed by a test.
    done = kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=admission-test", "--dry-run=server",
        "--validate=strict", "-f", str(ROOT / "crds"),
    )  # fmt: skip
    assert "testscenarios.seatrial.dev serverside-applied" in done.stdout
    assert "loadtests.seatrial.dev serverside-applied" in done.stdout


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tscn", "Provisions services, waits until they are healthy"),
        ("tscn.spec.environment", "Ephemeral (default): a namespace of its own for each run"),
        ("tscn.spec.environment.services.ready", "Successes in a row that make the service healthy. Default 1."),
        ("tscn.spec.steps.load.profile", "Time for which load is measured, after the warm-up."),
        ("tscn.status.conditions", "Stable CamelCase word for a program to read."),
        ("ldt.spec.target", "Name of the Service."),
        ("ldt.status.result.latency", "99th percentile."),
    ],
)
def test_explain_teaches(kubectl: Kubectl, path: str, text: str) -> None:
    assert text in " ".join(kubectl("explain", path).stdout.split())


@pytest.mark.parametrize(
    ("definition", "columns"),
    [
        ("testscenarios", "Phase Verdict Steps Reason Age Namespace-Of-Run Flaky Message"),
        ("loadtests", "Phase Verdict Requests Rate P99 Errors Reason Age Message"),
    ],
)
def test_printer_columns(kubectl: Kubectl, definition: str, columns: str) -> None:
    path = "{.spec.versions[0].additionalPrinterColumns[*].name}"
    assert kubectl("get", "crd", f"{definition}.seatrial.dev", "-o", f"jsonpath={path}").stdout == columns


@pytest.mark.parametrize(("kind", "spec"), [("TestScenario", scenario()), ("LoadTest", load())])
def test_a_good_resource_is_accepted(kubectl: Kubectl, kind: str, spec: Spec) -> None:
    done = create(kubectl, kind, spec)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("body", [{"sku": "A1"}, [1, 2], "text", 7, True])
def test_a_body_may_be_any_json(kubectl: Kubectl, body: object) -> None:
    spec = scenario()
    step(spec, 0)["http"]["json"] = body
    done = create(kubectl, "TestScenario", spec)
    assert done.returncode == 0, done.stderr


def test_the_api_server_adds_no_defaults_so_that_gitops_sees_no_difference(kubectl: Kubectl) -> None:
    manifest = {"apiVersion": "seatrial.dev/v1alpha1", "kind": "LoadTest", "metadata": {"name": "admission"}}
    done = kubectl(
        "create", "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps({**manifest, "spec": load()})
    )
    assert json.loads(done.stdout)["spec"] == load()


SLOW = {"users": 3, "duration": "2m"}
RAMP = [{"duration": "2s", "rate": 500}, {"duration": "2500ms", "rate": 0}]
MIXED = {"stages": [*RAMP, {"duration": "1s", "users": 5}]}
LONG = [{"duration": "5h", "rate": 500}]
REFUSED: list[tuple[str, str, Callable[[Spec], object]]] = [
    # Rules across fields.
    (
        "services[0].ready",
        "give at most one of http, tcp, grpc and command",
        lambda s: service(s, 0)["ready"].update(http={}),
    ),
    (
        "services[0]",
        "a service cannot depend on itself",
        lambda s: service(s, 0).update(dependsOn=[{"service": "db"}]),
    ),
    (
        "spec.environment",
        "dependsOn names a service that is not in environment.services",
        lambda s: service(s, 0).update(dependsOn=[{"service": "dbb"}]),
    ),
    (
        "services[1]",
        "a port number is given under two names",
        lambda s: service(s, 1)["ports"].append({"name": "admin", "port": 8080}),
    ),
    ("services[0]", "ready.tcp.port must name", lambda s: service(s, 0)["ready"]["tcp"].update(port="http")),
    ("services[0]", "ready.tcp.port must name", lambda s: service(s, 0).pop("ports")),
    ("services[1]", "ready.http.port must name", lambda s: service(s, 1)["ready"]["http"].update(port="sql")),
    (
        "steps[2]",
        "give exactly one of http, job, load, assert and wait",
        lambda s: step(s, 2).update(http={"service": "db"}),
    ),
    ("steps[2]", "give exactly one of http, job, load, assert and wait", lambda s: step(s, 2).pop("job")),
    (
        "steps[2]",
        "expect, capture and eventually belong to http and assert",
        lambda s: step(s, 2).update(expect=["true"]),
    ),
    ("steps[0].capture", "a name is made of letters", lambda s: step(s, 0).update(capture={"order-id": "1"})),
    ("steps[0]", "a step cannot need itself", lambda s: step(s, 0).update(needs=[{"step": "create-order"}])),
    ("spec", "needs names a step that is not in steps", lambda s: step(s, 0).update(needs=[{"step": "seed"}])),
    ("spec", "http.service names a service that is not in", lambda s: step(s, 0)["http"].update(service="x")),
    ("spec", "http.port must name a port of its service", lambda s: step(s, 0)["http"].update(port="sql")),
    (
        "spec",
        "http.port must name a port of its service; leave it out only if there is exactly one",
        lambda s: service(s, 1)["ports"].append({"name": "admin", "port": 8081}),
    ),
    ("spec", "load.target.service names a service", lambda s: step(s, 3)["load"]["target"].update(service="x")),
    ("spec", "load.target.port must name a port", lambda s: step(s, 3)["load"]["target"].update(port="sql")),
    ("spec", "setup, steps and teardown share one set of names", lambda s: s["setup"][0].update(name="peak")),
    ("spec", "setup, steps and teardown share one set of names", lambda s: s["setup"][0].update(name="export")),
    ("spec", "two steps capture the same name", lambda s: step(s, 1).update(capture={"orderId": "1"})),
    ("load.profile", "give one of rate (open model) and users (closed model)", lambda s: profile(s).update(users=9)),
    ("steps[3].load", "give one of rate (open model) and users (closed model)", lambda s: profile(s).pop("rate")),
    (
        "load.profile",
        "maxInFlight belongs to the open model: give rate",
        lambda s: step(s, 3)["load"].update(profile={"users": 9, "maxInFlight": 9, "duration": "2m"}),
    ),
    ("load.profile", "duration must be at least 1s", lambda s: profile(s).update(duration="999ms")),
    ("load.profile", "duration must be at most 24h", lambda s: profile(s).update(duration="24h1s")),
    (
        "steps[3].load",
        "fewer requests per second (or users) than workers and their cores: lower them",
        lambda s: step(s, 3)["load"].update(profile=SLOW),
    ),
    ("load.profile", "give one of duration and stages", lambda s: profile(s).update(stages=RAMP)),
    ("load.profile", "stages must all have rate", lambda s: step(s, 3)["load"].update(profile=MIXED)),
    (
        "load.profile",
        "stages must last at least 1s longer than warmup",
        lambda s: step(s, 3)["load"].update(profile={"stages": RAMP, "warmup": "4s"}),
    ),
    ("load.profile", "stages must last at most 24h", lambda s: step(s, 3)["load"].update(profile={"stages": 6 * LONG})),
    (
        "load.profile",
        "arrivals by chance belong to the open model: give rate",
        lambda s: step(s, 3)["load"].update(profile={"users": 99, "duration": "1m", "arrivals": "Poisson"}),
    ),
    (
        "steps[3].load",
        "fewer iterations than workers and their cores: lower them",
        lambda s: step(s, 3)["load"].update(cores=9, profile={"rate": 99, "duration": "1m", "iterations": 8}),
    ),
    ("steps[0].http.timeout", "at most 720h", lambda s: step(s, 0)["http"].update(timeout="720h1s")),
    (
        "spec",
        "assert.reads names a service that is not in",
        lambda s: s["steps"].append(
            {"name": "a", "assert": {"reads": [{"name": "r", "service": "x"}]}, "expect": ["answers.r.status == 200"]}
        ),
    ),
    (
        "steps[4]",
        "assert needs something to expect",
        lambda s: s["steps"].append({"name": "a", "assert": {"reads": [{"name": "r", "service": "orders"}]}}),
    ),
    (
        "steps[4].wait",
        "give one of duration and for",
        lambda s: s["steps"].append(
            {"name": "a", "wait": {"duration": "1s", "for": {"kind": "Pod", "name": "p", "condition": "Ready"}}}
        ),
    ),
    ("steps[4].wait", "give one of duration and for", lambda s: s["steps"].append({"name": "a", "wait": {}})),
    ("retry.backoff", "backoff.max must not be", lambda s: step(s, 2).update(retry={"backoff": {"max": "500ms"}})),
    ("steps[2].retry.limit", "less than or equal to 10", lambda s: step(s, 2).update(retry={"limit": 11})),
    ("retry.onResults[1]", "Duplicate value", lambda s: step(s, 2).update(retry={"onResults": ["Error", "Error"]})),
    ("retry.on", "unknown field", lambda s: step(s, 2).update(retry={"on": ["Error"]})),
    (
        "spec.environment",
        "dependsOn asks for Completed of services with completes: true, and for Healthy",
        lambda s: service(s, 4).update(dependsOn=[{"service": "migrate"}]),
    ),
    (
        "spec.environment",
        "dependsOn asks for Completed of services with completes: true, and for Healthy",
        lambda s: service(s, 4).update(dependsOn=[{"service": "db", "condition": "Completed"}]),
    ),
    ("services[3]", "a service that completes has no replicas, ports", lambda s: service(s, 3).update(replicas=2)),
    ("services[0].env[0]", "give exactly one of value, secret and", lambda s: service(s, 0)["env"][0].pop("value")),
    ("services[3].envFrom[1]", "give exactly one of secret and", lambda s: service(s, 3)["envFrom"][1].clear()),
    # The schema itself.
    ("environment.secrets[1]", "Duplicate value", lambda s: s["environment"]["secrets"].append("db")),
    ("files[0].path", "should match", lambda s: service(s, 3)["files"][0].update(path="/a/../b")),
    ("storage.size", "should match", lambda s: service(s, 4)["storage"].update(size="1.5Gi")),
    ("steps[0].http", "must not validate the schema (not)", lambda s: step(s, 0)["http"].update(text="x")),
    ("steps[0].http.timeout", "should match", lambda s: step(s, 0)["http"].update(timeout="10 s")),
    ("steps[4]", "Duplicate value", lambda s: s["steps"].append(copy.deepcopy(step(s, 0)))),
    ("environment.namespace", "Unsupported value", lambda s: s["environment"].update(namespace="Shared")),
    ("steps[0].expects", "unknown field", lambda s: step(s, 0).update(expects=["true"])),
    ("spec.environment", "Required value", lambda s: s.pop("environment")),
    ("services[1].replicas", "must be of type integer", lambda s: service(s, 1).update(replicas="2")),
]


@pytest.mark.parametrize(("path", "message", "spoil"), REFUSED)
def test_a_bad_scenario_is_refused_with_its_place_and_message(
    kubectl: Kubectl, path: str, message: str, spoil: Callable[[Spec], object]
) -> None:
    spec = scenario()
    spoil(spec)
    done = create(kubectl, "TestScenario", spec)
    assert done.returncode != 0, "the API server took it"
    assert path in done.stderr
    assert message in done.stderr


def test_a_bad_load_test_is_refused(kubectl: Kubectl) -> None:
    done = create(kubectl, "LoadTest", {**load(), "workers": 100, "profile": SLOW})
    assert done.returncode != 0
    assert (
        "spec: Invalid value: fewer requests per second (or users) than workers and their cores: lower them"
        in done.stderr
    )
