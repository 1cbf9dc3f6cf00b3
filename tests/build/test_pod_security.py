"""No field of the API reaches beyond the pod: the rules of the Pod Security Standards, on what is built."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.container import PodSecurity
from seatrial.api.environment import Service
from seatrial.build.deployment import deployment
from seatrial.build.service_objects import service_objects
from tests.build.objects import ORIGIN, Object, container, load, load_spec, web, workloads

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
    contexts = [one.get("securityContext", {}) for one in [*pod["containers"], *pod.get("initContainers", [])]]
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


def test_baseline_lets_the_image_choose_its_user() -> None:
    context = container(deployment(ORIGIN, "trial", web()))["securityContext"]
    assert context == {"allowPrivilegeEscalation": False}


def test_workers_are_restricted_and_cannot_write() -> None:
    pod = load(load_spec())["spec"]["template"]["spec"]
    assert is_restricted(pod)
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?", fullmatch=True)
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
        "envFrom": st.just([{"secret": "db"}, {"configMap": "flags"}]),
        "files": st.lists(
            st.fixed_dictionaries(
                {"path": st.from_regex(r"(/[a-z.]{0,3}[a-z]){1,3}", fullmatch=True), "content": st.text(max_size=20)},
                optional={"mode": st.sampled_from(["0400", "0755", "777"])},
            ),
            max_size=3,
            unique_by=lambda file: file["path"],
        ),
        "storage": st.fixed_dictionaries({"path": st.just("/data"), "size": st.just("1Gi")}),
        "init": st.fixed_dictionaries(
            {"command": st.lists(TEXT, min_size=1, max_size=2)}, optional={"args": st.lists(TEXT, max_size=2)}
        ),
    },
)


@given(fields=SERVICES)
def test_no_field_of_a_service_reaches_beyond_its_pod(fields: Object) -> None:
    spec = Service.model_validate(fields)
    made = service_objects(ORIGIN, "trial", spec, 600)[-1]
    pod = made["spec"]["template"]["spec"]
    assert {set(volume) == {"name", "configMap"} for volume in pod.get("volumes", [])} <= {True}
    assert set(pod) - {"volumes", "initContainers"} == {
        "containers",
        "restartPolicy",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "terminationGracePeriodSeconds",
        "securityContext",
    }
    assert pod["automountServiceAccountToken"] is False
    assert is_baseline(pod)
    assert spec.pod_security is PodSecurity.BASELINE or is_restricted(pod)
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
        "envFrom",
        "volumeMounts",
    }
    assert all(set(entry) == {"name", "value"} for entry in only["env"])  # nothing from the host
    assert [entry["name"] for entry in only["env"]] == [entry["name"] for entry in fields.get("env", [])]
    assert only.get("command") == (fields.get("command") or None)
    assert only.get("args") == (fields.get("args") or None)
    assert made["spec"]["replicas"] == fields.get("replicas", 1)
    json.dumps(made)
