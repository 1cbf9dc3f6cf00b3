"""What reaches the cluster: names, labels, security, resources, guards."""

import copy
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import names
from seatrial.api.environment import Service
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.step import Job
from seatrial.build.deployment import deployment, service
from seatrial.build.environment import guards, namespace
from seatrial.build.job import job, job_name
from seatrial.build.load_job import load_job, load_json
from seatrial.build.origin import Origin
from seatrial.kube.resources import BY_KIND

Object = dict[str, Any]

ORIGIN = Origin("TestScenario", "shop", "checkout", "0b5c2f1e-6a4f-4a07-9d57-0f6f3c1f4d11", "3")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def web(**fields: Any) -> Service:
    return Service.model_validate({"name": "web", "image": "web:1"} | fields)


def load_spec(**fields: Any) -> LoadSpec:
    return LoadSpec.model_validate({"target": {"service": "web"}, "profile": {"users": 9, "duration": "2m"}} | fields)


def load(spec: LoadSpec, **more: Any) -> Object:
    fixed = {"target": "web:80", "image": "seatrial:1", "pull_policy": ""}
    return load_job(ORIGIN, "step-peak", "trial", "peak", spec, **(fixed | more))


def containers(body: Object) -> Iterator[Object]:
    yield from body["spec"]["template"]["spec"]["containers"]


def container(body: Object) -> Object:
    (only,) = containers(body)
    return only


def workloads(*, security: str = "Baseline", **fields: Any) -> list[Object]:
    """One of everything that runs containers."""
    fields |= {"podSecurity": security}
    return [
        deployment(ORIGIN, "trial", web(**fields)),
        job(ORIGIN, "trial", "seed", Job.model_validate({"image": "seed:1"} | fields), 600),
        load(load_spec()),
    ]


# ---------------------------------------------------------------------- whose it is


def everything() -> list[Object]:
    return [
        namespace(ORIGIN, "trial", "{}"),
        *guards(ORIGIN, "trial", "seatrial-system"),
        *workloads(),
        service(ORIGIN, "trial", web(ports=[{"name": "http", "port": 80}])),
    ]


@pytest.mark.parametrize("body", everything(), ids=lambda body: str(body["kind"]))
def test_everything_says_whose_it_is(body: Object) -> None:
    metadata = body["metadata"]
    assert (
        metadata["labels"] | {names.MANAGED_BY: "seatrial", names.OWNER_UID: ORIGIN.uid, names.RUN: "3"}
        == (metadata["labels"])
    )
    assert metadata["annotations"][names.OWNER] == "TestScenario/shop/checkout"
    assert metadata.get("namespace") == (None if body["kind"] == "Namespace" else "trial")
    assert BY_KIND[body["kind"]].api_version == body["apiVersion"]
    assert all(LABEL_VALUE.fullmatch(value) for value in metadata["labels"].values())


@pytest.mark.parametrize("body", workloads(), ids=lambda body: str(body["metadata"]["name"]))
def test_pods_carry_the_labels_of_what_made_them(body: Object) -> None:
    template = body["spec"]["template"]["metadata"]
    assert template["labels"] == body["metadata"]["labels"]
    assert template["annotations"][names.OWNER] == "TestScenario/shop/checkout"


def test_a_service_leads_to_the_pods_of_its_deployment_and_to_no_others() -> None:
    wanted = web(ports=[{"name": "http", "port": 8080}, {"name": "admin", "port": 81}])
    made, built = deployment(ORIGIN, "trial", wanted), service(ORIGIN, "trial", wanted)
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert built["spec"]["selector"].items() <= labels.items()
    assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels[names.SERVICE] == "web"
    for other in workloads()[1:]:
        assert not built["spec"]["selector"].items() <= other["spec"]["template"]["metadata"]["labels"].items()
    assert built["spec"]["ports"] == [
        {"name": "http", "port": 8080, "targetPort": "http"},
        {"name": "admin", "port": 81, "targetPort": "admin"},
    ]
    assert container(made)["ports"] == [
        {"name": "http", "containerPort": 8080},
        {"name": "admin", "containerPort": 81},
    ]
    assert set(built["spec"]) == {"selector", "ports"}  # a ClusterIP: no node ports, load balancers, external names


def test_the_same_input_gives_the_same_output_and_is_left_alone() -> None:
    first = copy.deepcopy(everything())
    for body in everything():
        body["metadata"]["labels"]["x"] = "y"
    assert everything() == first


# ---------------------------------------------------------------------- names


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?", fullmatch=True)
RESOURCE_NAMES = st.from_regex(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){0,3}", fullmatch=True
)


@given(name=RESOURCE_NAMES, uid=st.uuids(), run=st.integers(1, 10**9))
def test_names_are_labels_for_every_resource_name(name: str, uid: object, run: int) -> None:
    for made in (
        names.environment_namespace(name, str(uid), str(run)),
        names.load_job(name, str(uid), str(run)),
    ):
        assert LABEL.fullmatch(made), made
        # The pods of an Indexed Job have the host name NAME-INDEX, which must be a label as well.
        assert len(f"{made}-99") <= 63


@given(name=NAMES)
def test_names_of_services_and_steps_leave_room(name: str) -> None:
    assert LABEL.fullmatch(job_name(name))
    assert len(f"{job_name(name)}-99") <= 63
    made = deployment(ORIGIN, "trial", web(name=name))
    assert LABEL.fullmatch(made["metadata"]["name"])
    assert all(LABEL_VALUE.fullmatch(value) for value in made["metadata"]["labels"].values())


@given(
    first=st.tuples(RESOURCE_NAMES, st.uuids().map(str), st.integers(1, 50).map(str)),
    second=st.tuples(RESOURCE_NAMES, st.uuids().map(str), st.integers(1, 50).map(str)),
)
def test_names_of_different_runs_differ(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    same = first[1:] == second[1:] and first[0] == second[0]
    assert (names.environment_namespace(*first) == names.environment_namespace(*second)) is same
    assert names.environment_namespace(*first) == names.environment_namespace(*first)


# ---------------------------------------------------------------------- security (Pod Security Standards)

_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}


def is_baseline(pod: Object) -> bool:
    security = pod.get("securityContext", {})
    everyone = [*pod["containers"], *pod.get("initContainers", []), *pod.get("ephemeralContainers", [])]
    contexts = [one.get("securityContext", {}) for one in everyone]
    return (
        not any(pod.get(field) for field in ("hostNetwork", "hostPID", "hostIPC"))
        and not any(context.get("privileged") for context in contexts)
        and all(set(context.get("capabilities", {}).get("add", [])) <= _BASELINE_CAPABILITIES for context in contexts)
        and not any("hostPath" in volume for volume in pod.get("volumes", []))
        and not any(port.get("hostPort") for one in everyone for port in one.get("ports", []))
        and not any(
            "httpGet" in one.get(probe, {}) and "host" in one[probe]["httpGet"]
            for one in everyone
            for probe in ("readinessProbe", "livenessProbe")
        )
        and not security.get("sysctls")
        and not security.get("windowsOptions")
        and all("procMount" not in context for context in contexts)
        and all(context.get("seccompProfile", {}).get("type") != "Unconfined" for context in [security, *contexts])
    )


def is_restricted(pod: Object) -> bool:
    security = pod.get("securityContext", {})
    contexts = [one.get("securityContext", {}) for one in pod["containers"]]
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    return (
        is_baseline(pod)
        and all(set(volume) - {"name"} <= allowed for volume in pod.get("volumes", []))
        and all(context.get("allowPrivilegeEscalation") is False for context in contexts)
        and all(context.get("runAsNonRoot", security.get("runAsNonRoot")) is True for context in contexts)
        and all(context.get("runAsUser", security.get("runAsUser")) != 0 for context in contexts)
        and all(
            context.get("seccompProfile", security.get("seccompProfile", {})).get("type")
            in {"RuntimeDefault", "Localhost"}
            for context in contexts
        )
        and all("ALL" in context.get("capabilities", {}).get("drop", []) for context in contexts)
        and all(set(context.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"} for context in contexts)
    )


@pytest.mark.parametrize("security", ["Baseline", "Restricted"])
def test_pods_meet_the_pod_security_standards(security: str) -> None:
    for body in workloads(security=security):
        pod = body["spec"]["template"]["spec"]
        assert is_baseline(pod)
        assert all(one["securityContext"]["allowPrivilegeEscalation"] is False for one in pod["containers"])
        if security == "Restricted":
            assert is_restricted(pod)


def test_workers_are_restricted_and_cannot_write() -> None:
    pod = load(load_spec())["spec"]["template"]["spec"]
    assert is_restricted(pod)
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


TEXT = st.text(min_size=1, max_size=30)
SERVICES = st.fixed_dictionaries(
    {"name": NAMES, "image": st.from_regex(r"[!-~]{1,40}", fullmatch=True)},
    optional={
        "command": st.lists(TEXT, max_size=3),
        "args": st.lists(TEXT, max_size=3),
        "env": st.lists(
            st.fixed_dictionaries(
                {"name": st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,10}", fullmatch=True), "value": TEXT}
            ),
            max_size=3,
            unique_by=lambda entry: entry["name"],
        ),
        "ports": st.lists(
            st.fixed_dictionaries(
                {"name": st.from_regex(r"[a-z]{1,9}", fullmatch=True), "port": st.integers(1, 65535)}
            ),
            max_size=3,
            unique_by=lambda port: port["name"],
        ),
        "replicas": st.integers(1, 20),
        "podSecurity": st.sampled_from(["Baseline", "Restricted"]),
        "ready": st.sampled_from([{}, {"timeout": "1s"}]),
    },
)


@given(fields=SERVICES)
def test_no_field_of_a_service_reaches_beyond_its_pod(fields: Object) -> None:
    spec = Service.model_validate(fields)
    made = deployment(ORIGIN, "trial", spec)
    pod = made["spec"]["template"]["spec"]
    assert set(pod) == {
        "containers",
        "restartPolicy",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "terminationGracePeriodSeconds",
        "securityContext",
    }
    assert pod["automountServiceAccountToken"] is False
    assert is_baseline(pod)
    only = container(made)
    assert set(only) <= {
        "name",
        "image",
        "env",
        "resources",
        "securityContext",
        "terminationMessagePolicy",
        "command",
        "args",
        "ports",
        "readinessProbe",
    }
    assert all(set(entry) == {"name", "value"} for entry in only["env"])  # nothing from Secrets or the host
    assert [entry["name"] for entry in only["env"]] == [entry["name"] for entry in fields.get("env", [])]
    assert only.get("command") == (fields.get("command") or None)
    assert only.get("args") == (fields.get("args") or None)
    assert made["spec"]["replicas"] == fields.get("replicas", 1)
    json.dumps(made)


# ---------------------------------------------------------------------- resources

_UNITS = {"": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def amount(text: str) -> Decimal:
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text)
    assert match
    return Decimal(match.group(1)) * _UNITS[match.group(2)]


QUANTITIES = st.builds(
    lambda number, unit: f"{number}{unit}",
    st.one_of(st.integers(1, 5000), st.decimals("0.1", "99.9", places=1)),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)
AMOUNTS = st.fixed_dictionaries({}, optional={"cpu": QUANTITIES, "memory": QUANTITIES})


def resources(given_resources: Object) -> Object:
    built: Object = container(deployment(ORIGIN, "trial", web(resources=given_resources)))["resources"]
    return built


@given(requests=AMOUNTS, limits=AMOUNTS)
def test_what_is_filled_in_never_makes_a_request_exceed_its_limit(requests: Object, limits: Object) -> None:
    built = resources({"requests": requests, "limits": limits})
    for kind in ("cpu", "memory"):
        request, limit = built["requests"][kind], built["limits"][kind]
        assert request == requests.get(kind, request)
        assert limit == limits.get(kind, limit)
        if not (kind in requests and kind in limits):
            assert amount(request) <= amount(limit)


def test_defaults() -> None:
    assert resources({}) == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    }


def test_a_limit_below_the_default_request_lowers_the_request() -> None:
    built = resources({"limits": {"memory": "32Mi"}})
    assert (built["requests"]["memory"], built["limits"]["memory"]) == ("32Mi", "32Mi")
    built = resources({"limits": {"memory": "32Mi"}, "requests": {"cpu": "10m"}})
    assert (built["requests"]["memory"], built["requests"]["cpu"]) == ("32Mi", "10m")


def test_a_request_above_the_default_limit_raises_the_limit() -> None:
    built = resources({"requests": {"cpu": "2500m", "memory": "1Gi"}})
    assert built["limits"] == {"cpu": "2500m", "memory": "1Gi"}


def test_workers_have_requests_and_a_limit_of_memory() -> None:
    built = container(load(load_spec()))["resources"]
    assert amount(built["requests"]["memory"]) <= amount(built["limits"]["memory"])
    assert "cpu" in built["requests"]


# ---------------------------------------------------------------------- readiness


@pytest.mark.parametrize(
    ("ready", "probe"),
    [
        ({}, None),
        ({"http": {"path": "/healthz"}}, {"httpGet": {"port": "http", "path": "/healthz"}}),
        ({"http": {"port": "admin"}}, {"httpGet": {"port": "admin", "path": "/"}}),
        ({"tcp": {}}, {"tcpSocket": {"port": "http"}}),
        ({"tcp": {"port": "admin"}}, {"tcpSocket": {"port": "admin"}}),
    ],
)
def test_the_kubelet_probes_what_seatrial_probes(ready: Object, probe: Object | None) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]
    made = deployment(ORIGIN, "trial", web(ports=ports, ready=ready))
    built = container(made).get("readinessProbe")
    assert (built is None) if probe is None else probe.items() <= built.items()
    # A crash without a probe must have a moment in which to be seen.
    assert (made["spec"]["minReadySeconds"] > 0) is (probe is None)


def test_a_trial_never_rolls() -> None:
    assert deployment(ORIGIN, "trial", web())["spec"]["strategy"] == {"type": "Recreate"}


# ---------------------------------------------------------------------- Jobs


def test_a_job_has_one_pod_and_one_attempt() -> None:
    made = job(ORIGIN, "trial", "seed", Job.model_validate({"image": "seed:1"}), 12.5)
    assert made["metadata"]["name"] == "step-seed"
    assert made["metadata"]["labels"][names.STEP] == "seed"
    spec = made["spec"]
    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (0, 1, 1)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] > 12
    assert isinstance(spec["activeDeadlineSeconds"], int)


def test_the_workers_of_a_load_are_one_indexed_job() -> None:
    made = load(load_spec(workers=3, profile={"rate": 9, "duration": "2m", "warmup": "10s"}))
    spec = made["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] > 120 + 10 + 10
    assert "ownerReferences" not in made["metadata"]
    assert container(made)["args"] == ["worker"]
    assert container(made)["image"] == "seatrial:1"
    env = {entry["name"]: entry["value"] for entry in container(made)["env"]}
    assert env["SEATRIAL_TARGET"] == "web:80"
    assert LoadSpec.model_validate_json(env["SEATRIAL_LOAD"]).workers == 3


def test_a_load_test_owns_its_job_and_the_job_keeps_its_spec() -> None:
    origin = Origin("LoadTest", "shop", "peak", "u-1", "1")
    made = load_job(origin, "peak-load", "shop", "load", load_spec(), target="web:80", image="i", pull_policy="Never", run_spec='{"a": 1}')
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("LoadTest", "peak", "u-1")
    assert (owner["apiVersion"], owner["controller"]) == ("seatrial.dev/v1alpha1", True)
    assert made["metadata"]["annotations"][names.RUN_SPEC] == '{"a": 1}'
    # Not on every pod: an annotation of theirs would only take up room.
    assert names.RUN_SPEC not in made["spec"]["template"]["metadata"]["annotations"]


REQUESTS = st.lists(
    st.fixed_dictionaries(
        {"path": st.from_regex(r"/[a-z/]{0,9}", fullmatch=True)},
        optional={
            "method": st.sampled_from(["GET", "POST"]),
            "weight": st.integers(1, 1000),
            "json": st.recursive(
                st.one_of(st.none(), st.booleans(), st.integers(-100, 100), TEXT),
                lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXT, inner, max_size=2)),
                max_leaves=5,
            ),
            "headers": st.just([{"name": "X-A", "value": "b"}]),
        },
    ),
    min_size=1,
    max_size=3,
)


@given(requests=REQUESTS, seconds=st.integers(1, 86_400), rate=st.integers(5, 1_000_000))
def test_the_workers_load_is_the_users(requests: list[Object], seconds: int, rate: int) -> None:
    fields = {
        "target": {"service": "web"},
        "requests": requests,
        "profile": {"rate": rate, "duration": f"{seconds}s", "warmup": "1500ms"},
        "thresholds": [{"expr": "errors.rate < 0.01"}],
        "workers": 5,
    }
    wanted = LoadSpec.model_validate(fields)
    assert LoadSpec.model_validate_json(load_json(wanted)) == wanted
    # A LoadTest's own fields are no load, and workers would refuse them.
    test = LoadTestSpec.model_validate(fields | {"run": "again", "timeouts": {"start": "1m"}})
    assert LoadSpec.model_validate_json(load_json(test)) == wanted
    assert not {"run", "timeouts"} & json.loads(load_json(test)).keys()


# ---------------------------------------------------------------------- guards


def by_kind() -> dict[str, Object]:
    return {body["kind"]: body for body in guards(ORIGIN, "trial", "seatrial-system")}


def test_the_namespace_is_guarded_by_pod_security_and_keeps_the_spec() -> None:
    made = namespace(ORIGIN, "trial", '{"a": 1}')
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/audit"] == "restricted"
    assert made["metadata"]["annotations"][names.RUN_SPEC] == '{"a": 1}'
    assert made["metadata"]["name"] == "trial"


def test_quota_and_limits_bound_what_an_environment_can_use() -> None:
    hard = by_kind()["ResourceQuota"]["spec"]["hard"]
    assert {"pods", "requests.cpu", "requests.memory", "limits.memory"} <= hard.keys()
    assert {hard[kind] for kind in ("services.loadbalancers", "services.nodeports", "persistentvolumeclaims")} == {"0"}
    (limit,) = by_kind()["LimitRange"]["spec"]["limits"]
    assert limit["type"] == "Container"
    # A quota of requests and limits refuses every pod that says nothing, unless the namespace fills it in.
    for kind in ("cpu", "memory"):
        assert amount(limit["defaultRequest"][kind]) <= amount(limit["default"][kind])


def test_the_network_is_closed_but_for_the_environment_names_and_the_operator() -> None:
    policy = by_kind()["NetworkPolicy"]["spec"]
    assert policy["podSelector"] == {}
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    (ingress,) = policy["ingress"]
    inside, operator = ingress["from"]
    assert inside == {"podSelector": {}}  # without a namespaceSelector: of this namespace
    assert operator == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "seatrial-system"}}}
    neighbours, dns = policy["egress"]
    assert neighbours == {"to": [{"podSelector": {}}]}
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
