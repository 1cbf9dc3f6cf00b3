"""Deployments and Jobs: readiness, attempts, deadlines, workers and the load that they read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import names
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.step import Job
from seatrial.build.deployment import deployment, service
from seatrial.build.job import job
from seatrial.build.load_job import load_job, load_json
from seatrial.build.origin import Origin
from seatrial.build.secret import job_secret, values_of
from seatrial.load.script import SCRIPT_FOLDER
from seatrial.load.script_worker import LEADER_VARIABLE
from tests.build.objects import ORIGIN, Object, container, load, load_spec, pod, web

TEXT = st.text(min_size=1, max_size=30)


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
    assert (probe or {}).items() <= (built or {}).items()
    assert (probe is None) is (built is None)
    # A crash without a probe must have a moment in which to be seen.
    assert (made["spec"]["minReadySeconds"] > 0) is (probe is None)


@pytest.mark.parametrize(
    ("wanted", "published"),
    [
        ({"ready": {"tcp": {}}}, True),
        ({"ready": {"tcp": {}}, "replicas": 2}, None),
        ({"ready": {"command": ["true"]}}, None),
        ({}, None),
    ],
)
def test_a_service_leads_to_the_one_pod_that_is_probed_before_the_kubelet_has_asked_again(
    wanted: dict[str, Any], published: bool | None
) -> None:
    made = service(ORIGIN, "trial", web(ports=[{"name": "http", "port": 80}], **wanted))
    assert made["spec"].get("publishNotReadyAddresses") is published


def test_a_trial_never_rolls() -> None:
    assert deployment(ORIGIN, "trial", web())["spec"]["strategy"] == {"type": "Recreate"}


def test_a_job_has_one_pod_and_one_attempt() -> None:
    made = job(ORIGIN, "trial", "seed", Job.model_validate({"image": "seed:1"}), 12.5)
    assert made["metadata"]["name"] == "step-seed"
    assert made["metadata"]["labels"][names.STEP] == "seed"
    spec = made["spec"]
    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (0, 1, 1)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] > 12
    assert isinstance(spec["activeDeadlineSeconds"], int)


def test_a_further_attempt_is_a_job_of_its_own_that_its_pod_is_known_by() -> None:
    made = job(ORIGIN, "trial", "seed", Job.model_validate({"image": "seed:1"}), 12.5, attempt=2)
    assert made["metadata"]["name"] == "step-seed-a2"
    for labels in (made["metadata"]["labels"], made["spec"]["template"]["metadata"]["labels"]):
        assert (labels[names.STEP], labels[names.ATTEMPT]) == ("seed", "2")


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
    assert "imagePullPolicy" not in container(made)
    assert container(load(load_spec(), pull_policy="Never"))["imagePullPolicy"] == "Never"
    env = {entry["name"]: entry.get("value") for entry in container(made)["env"]}
    assert env["SEATRIAL_TARGET"] == "web:80"
    assert LoadSpec.model_validate_json(env["SEATRIAL_LOAD"]).workers == 3


def test_a_load_test_owns_its_job_and_the_job_keeps_its_spec() -> None:
    origin = Origin("LoadTest", "shop", "peak", "u-1", "1")
    made = load_job(
        origin,
        "peak-load",
        "shop",
        "load",
        load_spec(),
        target="web:80",
        image="i",
        pull_policy="Never",
        run_spec='{"a": 1}',
    )
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


@pytest.mark.parametrize(
    ("ready", "probe"),
    [
        ({"grpc": {}}, {"grpc": {"port": 80, "service": ""}}),
        ({"grpc": {"port": "admin", "service": "shop.Orders"}}, {"grpc": {"port": 81, "service": "shop.Orders"}}),
        (
            {"command": ["pg_isready", "-U", "me"], "successThreshold": 2},
            {"exec": {"command": ["pg_isready", "-U", "me"]}, "successThreshold": 2},
        ),
        (
            {"http": {"headers": [{"name": "X-A", "value": "b"}]}},
            {"httpGet": {"port": "http", "path": "/", "httpHeaders": [{"name": "X-A", "value": "b"}]}},
        ),
        ({"http": {"statuses": [200, 204]}}, {"httpGet": {"port": "http", "path": "/"}}),
        # The kubelet would never find it ready.
        ({"http": {"statuses": [200, 401]}}, {"tcpSocket": {"port": "http"}}),
        (
            {"tcp": {}, "interval": "2500ms", "probeTimeout": "300ms", "failureThreshold": 7},
            {"periodSeconds": 3, "timeoutSeconds": 1, "failureThreshold": 7},
        ),
    ],
)
def test_the_kubelet_probes_by_every_kind(ready: Object, probe: Object) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]
    if "admin" not in str(ready):
        ports = ports[:1]
    made = deployment(ORIGIN, "trial", web(ports=ports, ready=ready))
    built = container(made)["readinessProbe"]
    assert probe.items() <= built.items()
    assert made["spec"]["minReadySeconds"] == 0


def test_secret_variables_of_a_job_are_references() -> None:
    spec = Job.model_validate(
        {"image": "i", "env": [{"name": "TOKEN", "value": "t0ken"}, {"name": "A.B", "value": "x"}]}
    )
    made = job(ORIGIN, "trial", "work", spec, 10, secret_env={"TOKEN"})
    reference = {"secretKeyRef": {"name": "seatrial-env-work", "key": "TOKEN"}}
    assert container(made)["env"] == [{"name": "TOKEN", "valueFrom": reference}, {"name": "A.B", "value": "x"}]
    assert "t0ken" not in json.dumps(made)
    secret = job_secret(ORIGIN, "trial", "work", {"TOKEN": "t0ken ü"})
    assert (secret["kind"], secret["metadata"]["name"], secret["metadata"]["namespace"]) == (
        "Secret",
        "seatrial-env-work",
        "trial",
    )
    assert secret["metadata"]["labels"][names.OWNER_UID] == ORIGIN.uid
    assert values_of(secret) == {"TOKEN": "t0ken ü"}


def test_workers_get_secrets_as_references_and_never_as_values() -> None:
    source = {"secretKeyRef": {"name": "shop", "key": "token"}}
    spec = load_spec(requests=[{"headers": [{"name": "Authorization", "valueFrom": source}]}])
    env = {entry["name"]: entry for entry in container(load(spec))["env"]}
    assert env["SEATRIAL_SECRET_0"] == {"name": "SEATRIAL_SECRET_0", "valueFrom": source}


@pytest.mark.parametrize(
    ("kind", "reference"), [("configMap", "configMapKeyRef"), ("secret", "secretKeyRef")], ids=["configMap", "secret"]
)
def test_workers_get_the_authority_that_they_trust_as_a_reference(kind: str, reference: str) -> None:
    source = {"name": "web-tls", "key": "ca.crt"}
    spec = load_spec(target={"service": "web", "tls": {"ca": {kind: source}}})
    env = {entry["name"]: entry for entry in container(load(spec))["env"]}
    assert env["SEATRIAL_CA"] == {"name": "SEATRIAL_CA", "valueFrom": {reference: source}}
    assert LoadSpec.model_validate_json(env["SEATRIAL_LOAD"]["value"]).target == spec.target


def test_workers_have_the_resources_that_the_user_gives() -> None:
    given = {"requests": {"cpu": "20m"}, "limits": {"cpu": "100m"}}
    built = container(load(load_spec(resources=given)))["resources"]
    assert built == {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "512Mi"}}


def test_workers_of_several_cores_have_resources_for_each() -> None:
    several = {"profile": {"users": 9, "duration": "1s"}, "cores": 3}
    built = container(load(load_spec(**several)))["resources"]
    assert built == {"requests": {"cpu": "300m", "memory": "128Mi"}, "limits": {"cpu": "3", "memory": "768Mi"}}
    given = {"limits": {"cpu": "2"}}
    built = container(load(load_spec(**several, resources=given)))["resources"]
    assert built == {"requests": {"cpu": "2", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "768Mi"}}


def scripted(script: Object, **more: Any) -> Object:
    return load(load_spec(engine="K6", script=script, **more), image="seatrial-k6:1", pull_policy="Never")


def test_a_script_in_the_manifest_needs_a_folder_to_be_written_to() -> None:
    made = scripted({"inline": "export default 1"})
    assert container(made)["command"] == ["/opt/seatrial/bin/seatrial"]
    assert (container(made)["image"], container(made)["imagePullPolicy"]) == ("seatrial-k6:1", "Never")
    assert container(made)["volumeMounts"] == [{"name": "seatrial-tmp", "mountPath": "/tmp"}]  # noqa: S108 - in the container
    assert pod(made)["volumes"] == [{"name": "seatrial-tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    assert container(made)["resources"]["limits"]["memory"] == "1024Mi"
    assert "volumes" not in pod(load(load_spec()))


def test_a_script_in_a_config_map_is_mounted_where_the_worker_looks_for_it() -> None:
    made = scripted({"configMap": {"name": "scripts", "key": "shop.js"}})
    assert {"name": "seatrial-script", "configMap": {"name": "scripts", "optional": True}} in pod(made)["volumes"]
    mount = next(mount for mount in container(made)["volumeMounts"] if mount["name"] == "seatrial-script")
    assert mount["mountPath"] == str(SCRIPT_FOLDER)


def test_a_script_in_an_image_of_the_users_is_pulled_as_kubernetes_does() -> None:
    made = container(scripted({"path": "/s.js", "image": "mine:1"}))
    assert made["image"] == "mine:1"
    assert "imagePullPolicy" not in made


def test_variables_of_a_script_reach_it_as_they_are_written() -> None:
    source = {"secretKeyRef": {"name": "shop", "key": "token"}}
    env = [{"name": "PRICE", "value": "$(HOME) $$5"}, {"name": "TOKEN", "valueFrom": source}]
    made = container(scripted({"inline": "${__ENV.PRICE} $(A) $$", "env": env}))["env"]
    # What Kubernetes makes of $$ is $, and of $(A) the value of A.
    assert {"name": "PRICE", "value": "$$(HOME) $$$$5"} in made
    assert {"name": "TOKEN", "valueFrom": source} in made
    spec = next(entry["value"] for entry in made if entry["name"] == "SEATRIAL_LOAD")
    assert "$${__ENV.PRICE} $$(A) $$$$" in spec
    assert LoadSpec.model_validate_json(spec.replace("$$", "$")).script is not None


@pytest.mark.parametrize("path", ["/a/$${x}", "/a?b=$(HOME)"])
def test_requests_reach_their_workers_as_they_are_written(path: str) -> None:
    made = container(load(load_spec(requests=[{"path": path}])))["env"]
    spec = next(entry["value"] for entry in made if entry["name"] == "SEATRIAL_LOAD")
    assert spec.count("$") == 2 * path.count("$")
    assert LoadSpec.model_validate_json(spec.replace("$$", "$")).requests[0].path == path


def test_workers_may_take_as_long_to_start_as_their_load_test_allows() -> None:
    fields = {"target": {"service": "web"}, "profile": {"rate": 9, "duration": "1m"}, "timeouts": {"start": "30m"}}
    assert load(LoadTestSpec.model_validate(fields))["spec"]["activeDeadlineSeconds"] > 1800 + 60


def test_several_workers_wait_for_a_moment_and_one_does_not() -> None:
    made = load(load_spec(workers=2))
    template, file = made["spec"]["template"], "/run/seatrial/start"
    assert template["metadata"]["annotations"][names.START] == ""
    (volume,) = pod(made)["volumes"]
    (item,) = volume["downwardAPI"]["items"]
    assert item["fieldRef"]["fieldPath"] == f"metadata.annotations['{names.START}']"
    (mount,) = container(made)["volumeMounts"]
    assert (mount["name"], f"{mount['mountPath']}/{item['path']}", mount["readOnly"]) == (volume["name"], file, True)
    assert "subPath" not in mount, "the kubelet brings nothing new into those"
    assert {"name": "SEATRIAL_START_FILE", "value": file} in container(made)["env"]
    alone = load(load_spec())
    assert names.START not in alone["spec"]["template"]["metadata"]["annotations"]
    assert "volumes" not in pod(alone)
    assert "SEATRIAL_START_FILE" not in {entry["name"] for entry in container(alone)["env"]}


def test_workers_of_locust_are_given_a_file_with_the_address_of_the_first() -> None:
    of_locust = {"engine": "Locust", "script": {"inline": "import locust"}, "workers": 2}
    made = load(load_spec(**of_locust))
    assert made["spec"]["template"]["metadata"]["annotations"][names.LEADER] == ""
    (volume,) = [volume for volume in pod(made)["volumes"] if volume["name"] == "start"]
    assert [item["path"] for item in volume["downwardAPI"]["items"]] == ["start", "leader"]
    assert {"name": LEADER_VARIABLE, "value": "/run/seatrial/leader"} in container(made)["env"]
    of_k6 = load(load_spec(**of_locust | {"engine": "K6"}))
    assert names.LEADER not in of_k6["spec"]["template"]["metadata"]["annotations"]
