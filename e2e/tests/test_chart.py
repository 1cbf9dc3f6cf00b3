"""The chart as Helm renders it and as a real API server judges it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

CHART = str(Path(__file__).parents[2] / "charts" / "seatrial")
RELEASE = "chart-test"
NAMESPACE = "seatrial-chart-test"

Program = Callable[..., CompletedProcess[str]]
Objects = dict[tuple[str, str], dict[str, Any]]

# Every switch the other way, every list and map filled.
EVERYTHING = """
nameOverride: trials
image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000", pullPolicy: Always}
imagePullSecrets: [{name: registry}]
crds: {keep: false}
serviceAccount: {name: operator, annotations: {team: platform}}
copying: {namespaces: [shop, billing]}
logLevel: DEBUG
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy.example.com:3128"}]
resources: {requests: {cpu: 1, memory: 256Mi}, limits: {cpu: 1500m, memory: 1Gi}}
podLabels: {team: platform, app.kubernetes.io/name: other}
podAnnotations: {example.com/owner: platform}
nodeSelector: {kubernetes.io/os: linux, pool: infra}
tolerations: [{key: infra, operator: Exists, effect: NoSchedule}]
affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
metrics:
  service: {enabled: true, port: 8000, annotations: {prometheus.io/scrape: "true"}}
  serviceMonitor: {enabled: true, interval: 1m, labels: {release: prometheus}}
"""


@pytest.fixture
def everything(tmp_path: Path) -> str:
    path = tmp_path / "values.yaml"
    path.write_text(EVERYTHING)
    return str(path)


@pytest.fixture
def restricted(kubectl: Program) -> Iterator[str]:
    """A namespace in which Pod Security admits only `restricted`."""
    metadata = {"generateName": f"{NAMESPACE}-", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    manifest = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    created = kubectl("create", "--filename=-", "--output=jsonpath={.metadata.name}", input=manifest).stdout
    yield created
    kubectl("delete", "namespace", created, "--wait=false")


def render(helm: Program, *arguments: str) -> Objects:
    text = helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *arguments).stdout
    objects = [document for document in yaml.safe_load_all(text) if document]
    by_name = {(item["kind"], _title(item["metadata"])): item for item in objects}
    assert len(by_name) == len(objects), "two objects share a name"
    return by_name


def _title(metadata: dict[str, Any]) -> str:
    where = metadata.get("namespace", NAMESPACE)
    return str(metadata["name"] if where == NAMESPACE else f"{where}/{metadata['name']}")


def only(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = [item for (of_kind, _), item in objects.items() if of_kind == kind]
    return found


def as_pod(objects: Objects) -> str:
    """Returns the operator's pod as a manifest: Pod Security refuses pods, and only warns of Deployments."""
    template = only(objects, "Deployment")["spec"]["template"]
    # The account is in another dry run and thus not there; which account it is makes no difference to Pod Security.
    spec = {**template["spec"], "serviceAccountName": "default"}
    metadata = {**template["metadata"], "name": "operator"}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def test_helm_finds_nothing_to_complain_about(helm: Program, everything: str) -> None:
    helm("lint", "--strict", CHART)
    helm("lint", "--strict", CHART, "--values", everything)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("replicas=2", "'replicas' not allowed"),
        ("image.name=seatrial", "'name' not allowed"),
        ("image.pullPolicy=Sometimes", "value must be one of"),
        ("image.digest=sha256:12", "does not match pattern"),
        ("crds.keep=maybe", "got string, want boolean"),
        ("metrics.service.port=0", "minimum"),
        ("extraEnv[0].name=SEATRIAL_NAMESPACE", "'not' failed"),
    ],
)
def test_a_wrong_value_is_refused(helm: Program, setting: str, complaint: str) -> None:
    done = helm("template", RELEASE, CHART, "--set", setting, check=False)

    assert done.returncode != 0
    assert complaint in done.stderr


def test_a_service_account_that_nobody_named_is_refused(helm: Program) -> None:
    done = helm("template", RELEASE, CHART, "--set", "serviceAccount.create=false", check=False)

    assert done.returncode != 0
    assert "name the service account that exists" in done.stderr


def test_the_operator_is_told_the_image_of_its_workers(helm: Program, everything: str) -> None:
    for arguments, image, policy in (
        ([], "localhost/seatrial:0.1.0", "IfNotPresent"),
        (["--set-string", "image.tag=7"], "localhost/seatrial:7", "IfNotPresent"),
        (["--values", everything], "localhost/seatrial@sha256:" + 64 * "0", "Always"),
    ):
        (container,) = only(render(helm, *arguments), "Deployment")["spec"]["template"]["spec"]["containers"]
        env = {variable["name"]: variable.get("value") for variable in container["env"]}

        assert container["image"] == env["SEATRIAL_WORKER_IMAGE"] == image
        assert container["imagePullPolicy"] == env["SEATRIAL_IMAGE_PULL_POLICY"] == policy


def test_there_is_one_operator_at_any_time(helm: Program) -> None:
    spec = only(render(helm), "Deployment")["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_labels_of_users_do_not_break_selectors(helm: Program, everything: str) -> None:
    objects = render(helm, "--values", everything)
    deployment = only(objects, "Deployment")["spec"]
    pod = deployment["template"]["metadata"]["labels"]

    assert pod["team"] == "platform"
    assert deployment["selector"]["matchLabels"].items() <= pod.items()
    service = only(objects, "Service")
    assert service["spec"]["selector"].items() <= pod.items()
    monitor = only(objects, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_definitions_are_kept_unless_told_otherwise(helm: Program) -> None:
    def definitions(*arguments: str) -> list[dict[str, Any]]:
        objects = render(helm, *arguments)
        return [item for (kind, _), item in objects.items() if kind == "CustomResourceDefinition"]

    assert [crd["metadata"].get("annotations") for crd in definitions()] == 2 * [{"helm.sh/resource-policy": "keep"}]
    assert [crd["metadata"].get("annotations") for crd in definitions("--set", "crds.keep=false")] == [None, None]
    assert definitions("--set", "crds.enabled=false") == []


def test_rights_name_what_they_grant(helm: Program, everything: str) -> None:
    for arguments in ([], ["--values", everything]):
        roles = [item for (kind, _), item in render(helm, *arguments).items() if kind == "ClusterRole"]
        rules = [rule for role in roles for rule in role["rules"]]

        assert len(roles) == 3
        for rule in rules:
            assert all("*" not in entry for entries in rule.values() for entry in entries), rule
            assert {"serviceaccounts", "pods/exec"}.isdisjoint(rule["resources"]), rule
            assert "secrets" not in rule["resources"] or rule["verbs"] in (
                ["get"],
                ["create"],
                ["get", "create", "patch"],
            ), rule
            assert {"escalate", "bind", "impersonate"}.isdisjoint(rule["verbs"]), rule


NO_CAPTURES = "secretCaptures.enabled=false"


def _reads_secrets(role: dict[str, Any]) -> bool:
    return any("secrets" in rule["resources"] and "get" in rule["verbs"] for rule in role["rules"])


@pytest.mark.parametrize(
    ("arguments", "readers", "told"),
    [
        ([], ["ClusterRole"], "true"),
        (["--set", "copying.enabled=false"], ["ClusterRole"], "false"),
        (["--set", f"{NO_CAPTURES},copying.namespaces={{shop,billing}}"], ["Role", "Role"], "true"),
        (["--set", f"{NO_CAPTURES},copying.enabled=false"], [], "false"),
        (["--set", f"{NO_CAPTURES},copying.enabled=false,copying.namespaces={{shop}}"], [], "false"),
    ],
)
def test_secrets_are_read_where_the_values_say_so(
    helm: Program, arguments: list[str], readers: list[str], told: str
) -> None:
    objects = render(helm, *arguments)
    roles = [(kind, item) for (kind, _), item in objects.items() if kind in {"ClusterRole", "Role"}]
    assert [kind for kind, role in roles if _reads_secrets(role)] == readers
    (container,) = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {entry["name"]: entry.get("value") for entry in container["env"]}["SEATRIAL_COPYING"] == told


def test_the_account_that_is_bound_is_the_one_that_runs(helm: Program, everything: str) -> None:
    objects = render(helm, "--values", everything)
    binding = only(objects, "ClusterRoleBinding")

    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "operator", "namespace": NAMESPACE}]
    assert only(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "operator"
    assert ("ClusterRole", binding["roleRef"]["name"]) in objects


def test_pod_security_restricted_admits_the_operator(
    helm: Program, kubectl: Program, restricted: str, everything: str
) -> None:
    for arguments in ([], ["--values", everything]):
        pod = as_pod(render(helm, *arguments))
        done = kubectl("create", "--namespace", restricted, "--dry-run=server", "--filename=-", input=pod)

        assert "pod/operator created (server dry run)" in done.stdout


def test_pod_security_restricted_is_enforced_where_it_is_tried(kubectl: Program, restricted: str) -> None:
    pod = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "operator"},
            "spec": {"containers": [{"name": "operator", "image": "localhost/seatrial:0.1.0"}]},
        }
    )
    done = kubectl("create", "--namespace", restricted, "--dry-run=server", "--filename=-", input=pod, check=False)

    assert 'violates PodSecurity "restricted:latest"' in done.stderr


def test_the_api_server_accepts_every_object(helm: Program, kubectl: Program, restricted: str) -> None:
    text = helm("template", RELEASE, CHART, "--namespace", restricted).stdout
    done = kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-", input=text)

    assert done.stderr == ""
    assert f"deployment.apps/{RELEASE}-seatrial serverside-applied (server dry run)" in done.stdout
