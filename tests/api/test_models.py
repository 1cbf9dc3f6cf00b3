"""The rules across fields: what breaks one is refused, by the models and by the API server's schema alike."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from cel_expr_python import cel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seatrial.api.crd import Kind, definition
from seatrial.api.exchange import Request
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTest, LoadTestSpec
from seatrial.api.profile import Profile
from seatrial.api.scenario import TestScenario, TestScenarioSpec
from seatrial.api.validation import InvalidSpec, read
from seatrial.build.load_job import load_json

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
      image: orders:1.9
      replicas: 2
      ports: [{name: http, port: 8080}, {name: admin, port: 8081}]
      dependsOn: [{service: db, condition: Healthy}]
      ready: {http: {port: http, path: /healthz}, successThreshold: 2, interval: 500ms}
      resources: {requests: {cpu: 50m}, limits: {memory: 64Mi}}
      podSecurity: Restricted
    - {name: worker, image: worker:1}
setup:
  - {name: seed, job: {image: seed:3, command: [seed, --orders, "500"]}}
steps:
  - name: create
    http: {service: orders, port: http, method: POST, path: /orders, json: {sku: A1}}
    expect: [response.status == 201]
    capture: {orderId: response.json.id}
  - name: follows
    needs: [{step: create}]
    http: {service: orders, port: admin, path: "/stock?order=${captures.orderId}", timeout: 2s}
    eventually: {timeout: 10s}
  - {name: contract, job: {image: contract:7}, timeout: 5m}
  - name: peak
    needs: [{step: follows}, {step: contract, result: Completed}]
    load:
      target: {service: orders, port: http}
      requests: [{path: /orders, headers: [{name: accept, value: text/plain}]}, {method: POST, text: body, weight: 3}]
      profile: {rate: 500, maxInFlight: 100, duration: 2m, warmup: 10s}
      workers: 4
      thresholds: [{expr: errors.rate < 0.01}]
  - name: agree
    needs: [{step: create}]
    assert:
      reads:
        - {name: order, service: orders, port: http, path: "/orders/${captures.orderId}"}
        - {name: other, service: orders, port: admin, method: HEAD, headers: [{name: a, value: b}], timeout: 2s}
    expect: [answers.order.json.total > 0 && answers.other.status == 200]
    when: captures.orderId != 0
    retry: {limit: 3, onResults: [Error], backoff: {initial: 200ms, max: 5s}}
    optional: true
  - name: up
    wait: {for: {kind: Deployment, name: orders, condition: Available}}
    matrix: {region: [eu, us], deep: [true, false], size: [1, 2.5]}
    maxParallel: 2
maxParallel: 8
teardown:
  - {name: export, job: {image: export:1}}
timeouts: {teardown: 1m}
run: "7"
"""

LOAD = """
target: {service: web}
profile: {users: 10, duration: 30s}
workers: 2
"""


def scenario() -> Spec:
    spec: Spec = yaml.safe_load(SCENARIO)
    return spec


def load() -> Spec:
    spec: Spec = yaml.safe_load(LOAD)
    return spec


# --- the API server, as far as a schema and its rules go ------------------------------------------------------------


@cache
def spec_schema(kind: Kind) -> Any:
    schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return closed(schema)


def closed(schema: Spec) -> Spec:
    """As ``kubectl apply --validate=strict`` has it: unknown fields are refused and not pruned."""
    node = dict(schema)
    if "pattern" in node:
        # To Go's RE2, as to pydantic, `$` is the end; to Python it may be a line break before the end as well.
        node["pattern"] = re.sub(r"\$$", r"\\Z", node["pattern"])
    if "properties" in node:
        node["properties"] = {name: closed(field) for name, field in node["properties"].items()}
        node["additionalProperties"] = False
    if "items" in node:
        node["items"] = closed(node["items"])
    return node


#: Of Kubernetes' own library, as far as rules here use it.
SUM = cel.FunctionDecl(
    "sum",
    [
        cel.Overload(
            "list_sum",
            cel.Type.DURATION,
            [cel.Type.List(cel.Type.DYN)],
            is_member=True,
            impl=lambda entries: sum(entries, timedelta()),
        )
    ],
)


@cache
def rule(text: str) -> Any:
    text = text.replace("has(self.__for__)", "('for' in self)")  # Kubernetes' way to write CEL's own words
    return cel.NewEnv(variables={"self": cel.Type.DYN}, functions=[SUM]).compile(text)


def holds(text: str, value: Any) -> bool:
    try:
        return rule(text).eval(data={"self": value}).plain_value() is True
    except RuntimeError:
        return False


def broken(schema: Spec, value: Any) -> Iterator[str]:
    """Messages of the rules that a value breaks."""
    for each in schema.get("x-kubernetes-validations", []):
        if not holds(each["rule"], value):
            yield each["message"]
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from broken(schema.get("properties", {}).get(name, schema.get("additionalProperties") or {}), inner)
    if isinstance(value, list):
        keys = schema.get("x-kubernetes-list-map-keys", [])
        entries = [tuple(entry[key] for key in keys) for entry in value] if keys else []
        if schema.get("x-kubernetes-list-type") == "set":
            entries = [(entry,) for entry in value]
        if len(set(entries)) < len(entries):
            yield "Duplicate value"
        for inner in value:
            yield from broken(schema.get("items", {}), inner)


def refusals(kind: Kind, spec: Any) -> list[str]:
    """What the API server says against a spec; nothing if it takes it."""
    schema = spec_schema(kind)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(spec)] or list(
        broken(schema, spec)
    )


# --- each rule ------------------------------------------------------------------------------------------------------


def step(spec: Spec, index: int) -> Spec:
    found: Spec = spec["steps"][index]
    return found


def service(spec: Spec, index: int) -> Spec:
    found: Spec = spec["environment"]["services"][index]
    return found


STORAGE = {"path": "/data", "size": "1Gi"}
SLOW = {"profile": {"users": 99, "duration": "2m"}}


KEY = {"name": "web-tls", "key": "ca.crt"}


def staged(spec: Spec, *, kind: str = "rate", length: str = "1s", **more: Any) -> Spec:
    """Gives the load stages of up to 8 requests per second, or users."""
    stages = [{"duration": length, kind: 8}, {"duration": length, kind: 1}]
    profile: Spec = {"stages": stages, **more}
    step(spec, 3)["load"].update(profile=profile)
    return profile


def per_worker(spec: Spec, **more: Any) -> Spec:
    """Has the number of the load's workers follow."""
    step(spec, 3)["load"].pop("workers", None)
    step(spec, 3)["load"].update(more)
    return spec


def scripted(spec: Spec, *, users: int = 9, **more: Any) -> Spec:
    """Makes a script of the load."""
    load: Spec = step(spec, 3)["load"]
    for name in ("requests", "requestTimeout"):
        load.pop(name, None)
    script = {"inline": "export default function () {}"}
    load.update({"engine": "K6", "script": script, "profile": {"users": users, "duration": "2m"}, "workers": 1} | more)
    return load


RULES: list[tuple[str, Callable[[Spec], object]]] = [
    ("target stands for the pods", lambda s: step(s, 3)["load"].update(observe=[{"name": "db"}])),
    (
        "target stands for the pods",
        lambda s: step(s, 3)["load"].update(observe=[{"name": "target", "selector": {"app": "web"}}]),
    ),
    ("give image, or existing for a Service", lambda s: service(s, 0).pop("image")),
    (
        "storage needs a namespace of its own",
        lambda s: s["environment"].update(namespace="Same") or service(s, 0).update(storage=STORAGE),
    ),
    ("give image, or existing for a Service", lambda s: service(s, 0).update(existing={"service": "db"})),
    ("give at most one of http, tcp, grpc and command", lambda s: service(s, 0)["ready"].update(http={})),
    ("a service cannot depend on itself", lambda s: service(s, 0).update(dependsOn=[{"service": "db"}])),
    (
        "dependsOn asks for Completed of services with completes",
        lambda s: service(s, 1)["dependsOn"][0].update(condition="Completed"),
    ),
    (
        "dependsOn asks for Completed of services with completes",
        lambda s: [service(s, 0).update(dependsOn=[{"service": "worker"}]), service(s, 2).update(completes=True)],
    ),
    ("a service that completes has no replicas", lambda s: service(s, 2).update(completes=True, replicas=2)),
    ("a service that completes has no replicas", lambda s: service(s, 0).update(completes=True)),
    ("give exactly one of value, secret and configMap", lambda s: service(s, 0)["env"][0].pop("value")),
    (
        "give exactly one of value, secret and configMap",
        lambda s: service(s, 0)["env"][0].update(secret={"name": "a", "key": "b"}),
    ),
    ("give exactly one of secret and configMap", lambda s: service(s, 0).update(envFrom=[{}])),
    (
        "give exactly one of secret and configMap",
        lambda s: service(s, 0).update(envFrom=[{"secret": "a", "configMap": "b"}]),
    ),
    ("Duplicate value", lambda s: s["environment"].update(secrets=["a", "a"])),
    ("dependsOn names a service that is not", lambda s: service(s, 0).update(dependsOn=[{"service": "dbb"}])),
    (
        "a port number is given under two names",
        lambda s: service(s, 1).update(ports=[{"name": "http", "port": 80}, {"name": "admin", "port": 80}]),
    ),
    ("ready.tcp.port must name one of", lambda s: service(s, 0)["ready"].update(tcp={"port": "http"})),
    ("ready.tcp.port must name one of", lambda s: service(s, 0).pop("ports")),
    ("ready.http.port must name one of", lambda s: service(s, 1)["ready"]["http"].pop("port")),
    (
        "ready.grpc.port must name one of",
        lambda s: service(s, 0).update(ready={"grpc": {"port": "http"}}),
    ),
    ("give at most one of http, tcp, grpc and command", lambda s: service(s, 0)["ready"].update(command=["true"])),
    ("probeTimeout must be from 10ms to 60s", lambda s: service(s, 0)["ready"].update(probeTimeout="61s")),
    ("captureSecret belongs to http", lambda s: step(s, 2).update(captureSecret={"a": "1"})),
    ("a name is made of letters", lambda s: step(s, 0).update(captureSecret={"the-token": "1"})),
    ("the folder is mounted empty", lambda s: step(s, 2)["job"].update(junit="/proc/self/junit.xml")),
    (
        "the folder is mounted empty",
        lambda s: step(s, 2)["job"].update(artifacts=[{"name": "a", "path": "/dev/a/b"}]),
    ),
    ("give exactly one of http, job, load, assert and wait", lambda s: step(s, 2).update(http={"service": "db"})),
    ("give exactly one of http, job, load, assert and wait", lambda s: step(s, 2).pop("job")),
    ("expect, capture and eventually belong to http and assert", lambda s: step(s, 2).update(expect=["true"])),
    ("expect, capture and eventually belong to http and assert", lambda s: step(s, 2).update(capture={"a": "1"})),
    ("expect, capture and eventually belong to http and assert", lambda s: step(s, 2).update(eventually={})),
    ("a name is made of letters", lambda s: step(s, 0)["capture"].update({"order-id": "1"})),
    ("a step cannot need itself", lambda s: step(s, 0).update(needs=[{"step": "create"}])),
    ("needs names a step that is not in steps", lambda s: step(s, 0).update(needs=[{"step": "seed"}])),
    ("http.service names a service that is not", lambda s: step(s, 0)["http"].update(service="seed")),
    ("http.port must name a port of its service", lambda s: step(s, 0)["http"].update(port="sql")),
    ("http.port must name a port of its service", lambda s: step(s, 0)["http"].pop("port")),
    ("http.port must name a port of its service", lambda s: step(s, 0)["http"].update(service="worker")),
    ("load.target.service names a service that", lambda s: step(s, 3)["load"]["target"].update(service="x")),
    ("load.target.port must name a port of its", lambda s: step(s, 3)["load"]["target"].update(port="sql")),
    ("setup, steps and teardown share one set of names", lambda s: s["setup"][0].update(name="peak")),
    ("setup, steps and teardown share one set of names", lambda s: s["setup"][0].update(name="export")),
    ("two steps capture the same name", lambda s: step(s, 1).update(capture={"orderId": "1"})),
    ("give one of rate (open model) and users", lambda s: step(s, 3)["load"]["profile"].update(users=10)),
    ("give one of rate (open model) and users", lambda s: step(s, 3)["load"]["profile"].pop("rate")),
    (
        "maxInFlight belongs to the open model",
        lambda s: step(s, 3)["load"].update(profile={"users": 9, "maxInFlight": 9, "duration": "2m"}),
    ),
    ("duration must be at least 1s", lambda s: step(s, 3)["load"]["profile"].update(duration="999ms")),
    ("duration must be at most 24h", lambda s: step(s, 3)["load"]["profile"].update(duration="24h1s")),
    ("give one of duration and stages", lambda s: staged(s, duration="1s")),
    ("give one of duration and stages", lambda s: step(s, 3)["load"]["profile"].pop("duration")),
    ("stages must all have rate", lambda s: staged(s, users=1)),
    ("stages must all have rate", lambda s: staged(s)["stages"].append({"duration": "1s", "users": 1})),
    ("stages must all have rate", lambda s: staged(s)["stages"].append({"duration": "1s"})),
    ("maxInFlight belongs to the open model", lambda s: staged(s, kind="users", maxInFlight=9)),
    ("arrivals by chance belong to the open model", lambda s: staged(s, kind="users", arrivals="Poisson")),
    ("stages must last at least 1s longer than warmup", lambda s: staged(s, warmup="1001ms")),
    ("stages must last at least 1s longer than warmup", lambda s: staged(s, length="499ms")),
    ("stages must last at most 24h", lambda s: staged(s, length="12h1ms")),
    ("fewer requests per second (or users) than workers", lambda s: step(s, 3)["load"].update(workers=100, **SLOW)),
    ("fewer iterations than workers", lambda s: staged(s, iterations=1)),
    ("fewer iterations than workers", lambda s: staged(s, iterations=7) and step(s, 3)["load"].update(cores=2)),
    ("fewer requests per second (or users) than workers", lambda s: staged(s) and step(s, 3)["load"].update(cores=3)),
    ("fewer requests per second (or users) than workers", lambda s: staged(s) and step(s, 3)["load"].update(workers=9)),
    ("give one of workers and ratePerWorker", lambda s: step(s, 3)["load"].update(workers=1, ratePerWorker=9)),
    ("give one of workers and ratePerWorker", lambda s: step(s, 3)["load"].update(workers=2, usersPerWorker=9)),
    ("ratePerWorker belongs to the open model", lambda s: staged(s, kind="users") and per_worker(s, ratePerWorker=9)),
    ("usersPerWorker belongs to the closed model", lambda s: per_worker(s, usersPerWorker=9)),
    ("usersPerWorker belongs to the closed model", lambda s: staged(s) and per_worker(s, usersPerWorker=9)),
    (
        "give exactly one of configMap and secret",
        lambda s: step(s, 3)["load"]["target"].update(tls={"ca": {}}),
    ),
    (
        "give exactly one of configMap and secret",
        lambda s: step(s, 3)["load"]["target"].update(tls={"ca": {"configMap": KEY, "secret": KEY}}),
    ),
    (
        "connectTimeout must be at least 1ms",
        lambda s: step(s, 3)["load"].update(connections={"connectTimeout": "0s"}),
    ),
    (
        "insecureSkipVerify trusts everybody",
        lambda s: step(s, 3)["load"]["target"].update(tls={"ca": {"secret": KEY}, "insecureSkipVerify": True}),
    ),
    (
        "give one of requests and flows",
        lambda s: step(s, 3)["load"].update(requests=[{}], flows=[{"name": "a", "steps": [{}]}]),
    ),
    ("the engines K6 and Locust run a script, and Http does not", lambda s: scripted(s).pop("script")),
    ("the engines K6 and Locust run a script, and Http does not", lambda s: scripted(s, engine="Http")),
    ("requests, flows, data, requestTimeout, connections and cores", lambda s: scripted(s, requests=[{}])),
    ("requests, flows, data, requestTimeout, connections and cores", lambda s: scripted(s, requestTimeout="1s")),
    (
        "rate, arrivals, maxInFlight and iterations belong to",
        lambda s: scripted(s, profile={"rate": 9, "duration": "2m"}),
    ),
    ("give exactly one of inline, configMap and path", lambda s: scripted(s)["script"].pop("inline")),
    ("give exactly one of inline, configMap and path", lambda s: scripted(s)["script"].update(path="/s.js", image="i")),
    ("target.tls belongs to the engine Http", lambda s: scripted(s)["target"].update(tls={})),
    ("path is a file in an image of yours", lambda s: scripted(s)["script"].update(image="i")),
    ("path is a file in an image of yours", lambda s: scripted(s, script={"path": "/s.js"})),
    (
        "give one of value and valueFrom",
        lambda s: scripted(s)["script"].update(
            env=[{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]
        ),
    ),
    ("names that begin with SEATRIAL_", lambda s: scripted(s)["script"].update(env=[{"name": "K6_VUS", "value": "1"}])),
    ("give exactly one of sequence, uuid, pick and csv", lambda s: step(s, 3)["load"].update(data=[{"name": "a"}])),
    ("Duplicate value", lambda s: service(s, 0).update(env=2 * service(s, 0)["env"])),
    ("Duplicate value", lambda s: service(s, 0).update(ports=2 * service(s, 0)["ports"])),
    ("Duplicate value", lambda s: service(s, 1).update(dependsOn=2 * service(s, 1)["dependsOn"])),
    ("Duplicate value", lambda s: s["environment"]["services"].append(service(s, 0))),
    ("Duplicate value", lambda s: s["steps"].append(step(s, 2))),
    ("Duplicate value", lambda s: step(s, 1).update(needs=2 * step(s, 1)["needs"])),
    ("Duplicate value", lambda s: step(s, 2).update(retry={"onResults": ["Error", "Error"]})),
    ("Duplicate value", lambda s: step(s, 0)["http"].update(headers=2 * [{"name": "a", "value": "b"}])),
    ("assert needs something to expect", lambda s: step(s, 4).update(expect=[])),
    ("assert.reads names a service that is not", lambda s: step(s, 4)["assert"]["reads"][0].update(service="x")),
    ("give one of duration and for", lambda s: step(s, 5)["wait"].update(duration="1s")),
    ("give one of duration and for", lambda s: step(s, 5).update(wait={})),
    ("backoff.initial must be at least 100ms", lambda s: step(s, 2).update(retry={"backoff": {"initial": "99ms"}})),
    ("backoff.max must not be shorter", lambda s: step(s, 2).update(retry={"backoff": {"max": "500ms"}})),
    ("backoff.max must not be shorter", lambda s: step(s, 2).update(retry={"backoff": {"initial": "1m"}})),
    ("at most 720h", lambda s: step(s, 1)["http"].update(timeout="720h1s")),
    ("timeout must be at most 24h", lambda s: s.update(retain={"timeout": "24h1s"})),
    ("Duplicate value", lambda s: s.update(dependsOn=2 * [{"scenario": "a"}])),
]


@pytest.mark.parametrize(("message", "spoil"), RULES)
def test_a_broken_rule_is_refused_at_admission_and_by_the_operator(
    message: str, spoil: Callable[[Spec], object]
) -> None:
    spec = scenario()
    spoil(spec)
    assert any(refusal.startswith(message) for refusal in refusals(TestScenario, spec)), refusals(TestScenario, spec)
    with pytest.raises(InvalidSpec):
        read(TestScenarioSpec, spec)


def test_every_rule_of_a_scenario_is_among_those_tested() -> None:
    messages = set(re.findall(r'"message": "([^"]+)"', json.dumps(spec_schema(TestScenario))))
    assert {message for message in messages if not any(message.startswith(tested) for tested, _ in RULES)} == set()


STAGES = [
    {"users": 2, "stages": [{"duration": "1s", "users": 0}, {"duration": "0s", "users": 9}], "warmup": "0s"},
    {"stages": [{"duration": "9s", "rate": 5}, {"duration": "1s", "rate": 0}], "warmup": "9s", "maxInFlight": 3},
    {"duration": "1s", "users": 2, "stages": []},
    {"duration": "1s", "users": 2, "arrivals": "Constant"},
    {"stages": [{"duration": "9s", "rate": 5}], "arrivals": "Poisson"},
]


@pytest.mark.parametrize("profile", STAGES)
def test_stages_are_taken(profile: Spec) -> None:
    spec = {**load(), "profile": profile}
    assert refusals(LoadTest, spec) == []
    assert LoadSpec.model_validate(spec).profile.peak == max(
        (stage.get("rate", stage.get("users")) for stage in profile.get("stages", [])), default=2
    )


@pytest.mark.parametrize(("kind", "spec"), [(TestScenario, scenario()), (LoadTest, load())])
def test_what_breaks_no_rule_is_taken(kind: Kind, spec: Spec) -> None:
    assert refusals(kind, spec) == []


def test_defaults_break_no_rule() -> None:
    spec = load()
    del spec["workers"]
    assert refusals(LoadTest, spec) == []
    assert LoadSpec.model_validate(spec).workers == 1


@pytest.mark.parametrize("give", [Request, lambda **body: TestScenarioSpec.model_validate(with_body(body))])
def test_two_bodies_are_refused(give: Callable[..., object]) -> None:
    with pytest.raises(ValidationError, match="give one of json"):
        give(json=[], text="")


def with_body(body: Spec) -> Spec:
    spec = scenario()
    step(spec, 0)["http"].update(body)
    return spec


def test_two_bodies_are_refused_at_admission() -> None:
    (refusal,) = refusals(TestScenario, with_body({"text": ""}))
    assert "should not be valid under" in refusal


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"duration": "1s", "rate": 1, "users": 1}, "give one of rate (open model) and users (closed model)"),
        ({"duration": "1s", "users": 1, "maxInFlight": 1}, "maxInFlight belongs to the open model: give rate"),
        ({"duration": "999ms", "rate": 1}, "duration must be from 1s to 24h"),
        ({"duration": "24h1ms", "rate": 1}, "duration must be from 1s to 24h"),
    ],
)
def test_a_profile_is_of_one_model_and_of_bounded_length(profile: Spec, message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Profile.model_validate(profile)


@pytest.mark.parametrize("model", [{"rate": 3}, {"users": 3}])
def test_each_worker_has_something_to_do(model: Spec) -> None:
    spec = {**load(), "profile": {"duration": "1s", **model}, "workers": 4}
    with pytest.raises(ValidationError, match=re.escape("fewer requests per second (or users) than workers")):
        LoadSpec.model_validate(spec)
    assert refusals(LoadTest, spec) == ["fewer requests per second (or users) than workers and their cores: lower them"]


def test_an_entry_that_is_given_twice_is_named() -> None:
    spec = scenario()
    service(spec, 0)["env"] *= 2
    with pytest.raises(InvalidSpec) as caught:
        read(TestScenarioSpec, spec)
    assert str(caught.value) == "spec.environment.services[0].env: name 'POSTGRES_PASSWORD' is given twice: keep one"


def test_a_misspelt_field_is_refused() -> None:
    spec = scenario()
    step(spec, 0)["expects"] = step(spec, 0).pop("expect")
    with pytest.raises(ValidationError, match="expects"):
        TestScenarioSpec.model_validate(spec)


def test_a_spec_survives_the_way_through_the_model() -> None:
    spec = TestScenarioSpec.model_validate(scenario())
    assert TestScenarioSpec.model_validate(spec.to_kubernetes()) == spec
    assert refusals(TestScenario, spec.to_kubernetes()) == []


@pytest.mark.parametrize(
    ("rate", "given", "limit"), [(1, None, 100), (200, None, 400), (50_000, None, 20_000), (50_000, 30_000, 30_000)]
)
def test_the_limit_of_unanswered_requests_follows_the_rate(rate: int, given: int | None, limit: int) -> None:
    assert Profile(rate=rate, duration=timedelta(seconds=1), max_in_flight=given).in_flight_limit == limit


def test_a_request_is_reported_under_its_name_or_under_what_it_asks() -> None:
    assert Request(path="/a").label == "GET /a"
    assert Request(path="/a", name="first").label == "first"


@pytest.mark.parametrize(("method", "idempotent"), [("GET", True), ("PUT", True), ("POST", False), ("PATCH", False)])
def test_only_idempotent_requests_may_be_sent_again(method: str, idempotent: bool) -> None:
    spec = TestScenarioSpec.model_validate(with_body({"method": method}))
    assert spec.steps[0].http
    assert spec.steps[0].http.idempotent is idempotent


@pytest.mark.parametrize(("name", "seconds"), [("create", 60), ("follows", 60), ("contract", 300), ("peak", 310)])
def test_each_kind_of_step_has_its_time_limit(name: str, seconds: float) -> None:
    spec = TestScenarioSpec.model_validate(scenario())
    assert {step.name: step.time_limit for step in spec.steps}[name] == seconds


def test_the_time_limit_of_a_step_grows_with_what_it_repeats_and_of_a_job_is_ten_minutes() -> None:
    spec = scenario()
    step(spec, 1)["eventually"]["timeout"] = "90s"
    del step(spec, 2)["timeout"]
    steps = TestScenarioSpec.model_validate(spec).steps
    assert steps[1].time_limit == 92
    assert steps[2].time_limit == 600


# --- agreement of model and schema ----------------------------------------------------------------------------------


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of everything inside a value, except inside a body that may be any JSON."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*path, key)
        if key != "json":
            yield from places(inner, (*path, key))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


WORDS = ["db", "orders", "http", "sql", "admin", "create", "peak", "Healthy", "Completed", "POST", "/", "x y", "A", "é"]
DURATIONS = ["0s", "1s", "1.5s", "90m", "24h", "720h", "721h", "10 s", "1h30m", "5", "-1s", "1s\n"]
SCALARS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(DURATIONS),
    st.text(max_size=8),
    st.sampled_from([4096, 16, 50, 51, 64]).map("a".__mul__),
    st.integers(-2, 70_000),
)


@st.composite
def mutated(draw: st.DrawFn, original: Spec) -> Spec:
    """A spec with a few things deleted, replaced by something else of the same JSON type, or repeated."""
    spec = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(spec))))
        holder, key = at(spec, path[:-1]), path[-1]
        old = holder[key]
        match draw(st.sampled_from(["delete", "replace", "repeat"])):
            case "delete":
                del holder[key]
            case "repeat" if isinstance(holder, list):
                holder.append(copy.deepcopy(old))
            case _:
                others = [at(original, other) for other in places(original)]
                replacement = draw(st.one_of(SCALARS, st.sampled_from(others)))
                if type(replacement) is type(old):
                    holder[key] = copy.deepcopy(replacement)
        if not list(places(spec)):
            break
    return spec


quiet = settings(max_examples=2 * settings().max_examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quiet
@given(mutated(scenario()))
def test_what_the_operator_takes_the_api_server_takes(spec: Spec) -> None:
    try:
        read(TestScenarioSpec, spec)
    except InvalidSpec:
        return
    assert refusals(TestScenario, spec) == []


@quiet
@given(mutated(scenario()))
def test_what_the_api_server_takes_the_model_takes(spec: Spec) -> None:
    if not refusals(TestScenario, spec):
        TestScenarioSpec.model_validate(spec)


@pytest.mark.parametrize(
    ("given", "workers"),
    [
        ({}, 1),
        ({"workers": 7}, 7),
        ({"ratePerWorker": 100}, 10),
        ({"ratePerWorker": 300}, 4),
        ({"ratePerWorker": 5000}, 1),
        ({"ratePerWorker": 10}, 100),
        ({"profile": {"users": 90, "duration": "1m"}, "usersPerWorker": 40}, 3),
        (
            {
                "profile": {"stages": [{"rate": 500, "duration": "1m"}, {"rate": 0, "duration": "1m"}]},
                "ratePerWorker": 200,
            },
            3,
        ),
    ],
)
def test_the_number_of_workers_is_given_or_follows(given: dict[str, Any], workers: int) -> None:
    spec = {"target": {"service": "web"}, "profile": {"rate": 1000, "duration": "1m"}} | given
    read_spec = LoadTestSpec.model_validate(spec)
    assert read_spec.workers == workers
    again = LoadTestSpec.model_validate(read_spec.to_kubernetes())
    assert (again, again.workers) == (read_spec, workers)
    # What workers themselves read is the number.
    share = LoadSpec.model_validate_json(load_json(read_spec))
    assert (share.workers, share.rate_per_worker, share.users_per_worker) == (workers, None, None)


def test_too_many_workers_are_refused_with_what_would_do() -> None:
    spec = {"target": {"service": "web"}, "profile": {"rate": 1000, "duration": "1m"}, "ratePerWorker": 9}
    with pytest.raises(ValidationError, match="112 workers, but there are at most 100: raise ratePerWorker to 10"):
        LoadTestSpec.model_validate(spec)


def test_one_worker_written_out_runs_nothing_anew() -> None:
    spec = {"target": {"service": "web"}, "profile": {"rate": 1000, "duration": "1m"}}
    plain = LoadTestSpec.model_validate(spec)
    assert LoadTestSpec.model_validate(spec | {"workers": 1}).spec_hash == plain.spec_hash
    assert LoadTestSpec.model_validate(spec | {"workers": 2}).spec_hash != plain.spec_hash
