"""What pods are made of: locked down, without tokens, with requests that never exceed limits."""

import json
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
from seatrial.build.job import job, job_name
from seatrial.build.load_job import load_job
from seatrial.build.origin import Origin

ORIGIN = Origin("TestScenario", "shop", "checkout", "uid-1", "7")


def web(**more: Any) -> Service:
    return Service.model_validate({"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80}]} | more)


def load(**more: Any) -> LoadSpec:
    spec = {"target": {"service": "web"}, "profile": {"rate": 10, "duration": "5s", "warmup": "1s"}}
    return LoadSpec.model_validate(spec | more)


def template(built: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = built["spec"]["template"]["spec"]
    return pod


def container(built: dict[str, Any]) -> dict[str, Any]:
    (only,) = template(built)["containers"]
    found: dict[str, Any] = only
    return found


def workers(spec: LoadSpec, **more: Any) -> dict[str, Any]:
    where = {"target": "web:80", "image": "seatrial:1", "pull_policy": ""} | more
    return load_job(ORIGIN, "step-peak", "trial", "peak", spec, **where)


ALL = [
    deployment(ORIGIN, "trial", web()),
    job(ORIGIN, "trial", "seed", Job(image="seed:1"), 60),
    workers(load()),
]


@pytest.mark.parametrize("built", ALL, ids=lambda built: built["kind"])
def test_no_pod_has_a_token_or_anything_of_the_host(built: dict[str, Any]) -> None:
    pod = template(built)
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    forbidden = {"hostNetwork", "hostPID", "hostIPC", "volumes", "serviceAccountName", "nodeName", "initContainers"}
    assert not forbidden & set(pod)
    assert container(built)["securityContext"]["allowPrivilegeEscalation"] is False
    assert "privileged" not in container(built)["securityContext"]


@pytest.mark.parametrize("built", ALL, ids=lambda built: built["kind"])
def test_objects_say_whose_they_are(built: dict[str, Any]) -> None:
    for metadata in (built["metadata"], built["spec"]["template"]["metadata"]):
        assert metadata["labels"][names.OWNER_UID] == "uid-1"
        assert metadata["labels"][names.RUN] == "7"
        assert metadata["labels"][names.MANAGED_BY] == "seatrial"
        assert metadata["annotations"][names.OWNER] == "TestScenario/shop/checkout"


def test_restricted_meets_the_pod_security_standard() -> None:
    built = deployment(ORIGIN, "trial", web(podSecurity="Restricted"))
    context = container(built)["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container(workers(load()))["securityContext"] == context | {"readOnlyRootFilesystem": True}


def test_baseline_lets_the_image_choose_its_user() -> None:
    context = container(deployment(ORIGIN, "trial", web()))["securityContext"]
    assert "runAsNonRoot" not in context
    assert "capabilities" not in context


_MEBIBYTES = st.integers(1, 100_000).map(lambda n: f"{n}Mi")
_MILLICORES = st.integers(1, 100_000).map(lambda n: f"{n}m")


@given(memory=_MEBIBYTES, cpu=_MILLICORES)
def test_a_limit_alone_is_the_request_too(memory: str, cpu: str) -> None:
    built = deployment(ORIGIN, "trial", web(resources={"limits": {"memory": memory, "cpu": cpu}}))
    assert container(built)["resources"] == {
        "requests": {"memory": memory, "cpu": cpu},
        "limits": {"memory": memory, "cpu": cpu},
    }


def test_what_is_not_given_is_defaulted() -> None:
    assert container(deployment(ORIGIN, "trial", web()))["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    }
    one = container(deployment(ORIGIN, "trial", web(resources={"requests": {"cpu": "20m"}})))["resources"]
    assert one["requests"] == {"cpu": "20m", "memory": "64Mi"}


def test_a_request_above_the_default_limit_raises_that_limit() -> None:
    big = container(deployment(ORIGIN, "trial", web(resources={"requests": {"memory": "2Gi", "cpu": "3"}})))
    assert big["resources"]["limits"] == {"memory": "2Gi", "cpu": "3"}


def test_the_kubelet_probes_what_seatrial_probes() -> None:
    http = container(deployment(ORIGIN, "trial", web(ready={"http": {"path": "/healthz"}})))
    assert http["readinessProbe"]["httpGet"] == {"port": "http", "path": "/healthz"}
    tcp = container(deployment(ORIGIN, "trial", web(ready={"tcp": {"port": "http"}})))
    assert tcp["readinessProbe"]["tcpSocket"] == {"port": "http"}


def test_without_a_probe_a_pod_must_last_before_it_counts() -> None:
    built = deployment(ORIGIN, "trial", web())
    assert "readinessProbe" not in container(built)
    assert built["spec"]["minReadySeconds"] == 1
    assert deployment(ORIGIN, "trial", web(ready={"tcp": {}}))["spec"]["minReadySeconds"] == 0


def test_a_service_leads_to_the_pods_of_this_run_alone() -> None:
    built = service(ORIGIN, "trial", web())
    pods = deployment(ORIGIN, "trial", web())
    assert built["spec"]["selector"] == pods["spec"]["template"]["metadata"]["labels"]
    assert built["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert "type" not in built["spec"]


def test_a_job_has_one_attempt_and_an_end() -> None:
    built = job(ORIGIN, "trial", "seed", Job(image="seed:1", command=["a"], args=["b"]), 60)
    assert built["metadata"]["name"] == job_name("seed")
    assert built["spec"]["backoffLimit"] == 0
    assert built["spec"]["activeDeadlineSeconds"] == 120
    assert template(built)["restartPolicy"] == "Never"
    assert (container(built)["command"], container(built)["args"]) == (["a"], ["b"])


def test_workers_are_one_indexed_job() -> None:
    built = workers(load(workers=3), pull_policy="Never")
    spec = built["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert spec["backoffLimit"] == 0
    assert container(built)["imagePullPolicy"] == "Never"
    env = {entry["name"]: entry["value"] for entry in container(built)["env"]}
    assert env["SEATRIAL_TARGET"] == "web:80"
    assert LoadSpec.model_validate(json.loads(env["SEATRIAL_LOAD"])) == load(workers=3)
    assert "ownerReferences" not in built["metadata"]


def test_workers_of_a_load_test_are_owned_by_it_and_keep_its_spec() -> None:
    spec = LoadTestSpec.model_validate(load().model_dump(by_alias=True, exclude_none=True) | {"run": "again"})
    built = workers(spec, run_spec='{"a": 1}')
    (owner,) = built["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("TestScenario", "uid-1", True)
    assert built["metadata"]["annotations"][names.RUN_SPEC] == '{"a": 1}'
    assert names.RUN_SPEC not in built["spec"]["template"]["metadata"]["annotations"]
    env = {entry["name"]: entry["value"] for entry in container(built)["env"]}
    assert "run" not in json.loads(env["SEATRIAL_LOAD"])


@given(name=st.from_regex(r"\A[a-z]([-a-z0-9.]{0,250}[a-z0-9])?\Z"), run=st.integers(1, 10**9))
def test_names_are_names_whatever_the_resource_is_called(name: str, run: int) -> None:
    for made in (names.environment_namespace(name, "uid", str(run)), names.load_job(name, "uid", str(run))):
        assert len(made) <= 63
        assert "." not in made
        assert made[0].isalnum()
        assert made[-1].isalnum()
    assert names.environment_namespace(name, "uid", str(run)) != names.environment_namespace(name, "uid", f"{run}0")
