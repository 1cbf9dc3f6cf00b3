"""All objects of a service: with storage, files, variables, an init command, or an end of its own."""

from typing import Any

import pytest

from seatrial.api import names
from seatrial.api.environment import Service
from seatrial.api.step import Job
from seatrial.build.copies import copy_of, with_pull_secrets
from seatrial.build.environment import guards
from seatrial.build.files import files_config_map, files_name
from seatrial.build.job import job
from seatrial.build.service_objects import service_objects
from tests.build.objects import ORIGIN, Object, container, pod, web

PORTS = [{"name": "sql", "port": 5432}]
STORAGE = {"path": "/var/lib/postgresql", "size": "1Gi", "storageClass": "fast"}


def objects(wanted: Service) -> list[Object]:
    return service_objects(ORIGIN, "trial", wanted, 600)


def kinds(wanted: Service) -> list[str]:
    return [body["kind"] for body in objects(wanted)]


def workload(**fields: Any) -> Object:
    return objects(web(**fields))[-1]


def test_what_pods_need_is_made_before_them() -> None:
    files = [{"path": "/etc/a", "content": "a"}]
    assert kinds(web()) == ["Deployment"]
    assert kinds(web(ports=PORTS, files=files)) == ["ConfigMap", "Service", "Deployment"]
    assert kinds(web(ports=PORTS, storage=STORAGE)) == ["Service", "Service", "StatefulSet"]
    assert kinds(web(completes=True, files=files)) == ["ConfigMap", "Job"]


def test_storage_comes_and_goes_with_the_stateful_set() -> None:
    normal, headless, made = objects(web(ports=PORTS, storage=STORAGE, replicas=2))
    spec = made["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Delete"}
    assert (spec["podManagementPolicy"], spec["replicas"]) == ("Parallel", 2)
    assert spec["serviceName"] == headless["metadata"]["name"] == "web-pods"
    assert headless["spec"]["clusterIP"] == "None"
    assert headless["spec"]["publishNotReadyAddresses"] is True
    assert normal["spec"]["selector"].items() <= made["spec"]["template"]["metadata"]["labels"].items()
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["labels"][names.OWNER_UID] == ORIGIN.uid
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "fast",
    }
    (mount,) = container(made)["volumeMounts"]
    assert mount == {"name": claim["metadata"]["name"], "mountPath": "/var/lib/postgresql"}
    assert pod(made)["securityContext"]["fsGroup"]


def test_without_a_class_the_cluster_chooses_and_without_ports_there_is_still_a_governing_service() -> None:
    headless, made = objects(web(storage={"path": "/data", "size": "5M"}))
    assert "storageClassName" not in made["spec"]["volumeClaimTemplates"][0]["spec"]
    assert "ports" not in headless["spec"]
    assert "fsGroup" not in pod(workload())["securityContext"]


@pytest.mark.parametrize(("ready", "seconds"), [({}, 3), ({"tcp": {}}, 0)])
def test_a_stateful_set_needs_the_same_time_to_show_a_crash(ready: Object, seconds: int) -> None:
    assert workload(ports=PORTS, storage=STORAGE, ready=ready)["spec"]["minReadySeconds"] == seconds


def test_the_quota_has_room_for_the_storage_asked_for_and_no_more() -> None:
    services = [web(storage=STORAGE, replicas=3), web(storage={"path": "/d", "size": "500M"}), web(replicas=9)]
    quota = next(body for body in guards(ORIGIN, "trial", "system", services) if body["kind"] == "ResourceQuota")
    assert quota["spec"]["hard"]["persistentvolumeclaims"] == "4"
    assert quota["spec"]["hard"]["requests.storage"] == str(3 * 2**30 + 500 * 10**6)


def test_files_are_mounted_one_by_one_with_their_mode() -> None:
    files = [{"path": "/etc/a.conf", "content": "a=1"}, {"path": "/bin/run", "content": "#!/bin/sh", "mode": "0755"}]
    config_map, made = objects(web(files=files))
    assert config_map["data"] == {"file-0": "a=1", "file-1": "#!/bin/sh"}
    (volume,) = pod(made)["volumes"]
    assert volume["configMap"]["name"] == config_map["metadata"]["name"]
    assert [(item["key"], item["mode"]) for item in volume["configMap"]["items"]] == [
        ("file-0", 0o644),
        ("file-1", 0o755),
    ]
    assert container(made)["volumeMounts"] == [
        {"name": volume["name"], "mountPath": "/etc/a.conf", "subPath": "file-0", "readOnly": True},
        {"name": volume["name"], "mountPath": "/bin/run", "subPath": "file-1", "readOnly": True},
    ]


def test_the_files_of_a_job_follow_the_jobs_name() -> None:
    spec = Job.model_validate({"image": "i", "files": [{"path": "/a", "content": "x"}]})
    made = job(ORIGIN, "trial", "web", spec, 60)
    (volume,) = pod(made)["volumes"]
    title = made["metadata"]["name"]
    built = files_config_map(ORIGIN, "trial", title, spec.files, step="web")
    assert volume["configMap"]["name"] == built["metadata"]["name"] == files_name(title)
    # A service of the same name has files of its own.
    assert objects(web(files=[{"path": "/a", "content": "y"}]))[0]["metadata"]["name"] != built["metadata"]["name"]


def test_variables_come_from_the_manifest_secrets_and_config_maps() -> None:
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "secret": {"name": "db", "key": "password"}},
        {"name": "C", "configMap": {"name": "flags", "key": "new-cart"}},
    ]
    env_from = [{"secret": "db", "prefix": "DB_"}, {"configMap": "flags"}]
    built = container(workload(env=env, envFrom=env_from))
    assert built["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "new-cart"}}},
    ]
    assert built["envFrom"] == [
        {"secretRef": {"name": "db"}, "prefix": "DB_"},
        {"configMapRef": {"name": "flags"}},
    ]


def test_an_init_command_shares_what_the_service_has() -> None:
    made = workload(
        env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        files=[{"path": "/etc/a", "content": "a"}],
        storage=STORAGE,
        podSecurity="Restricted",
        init={"command": ["prepare"], "args": ["now"], "env": [{"name": "B", "value": "3"}]},
    )
    (init,) = pod(made)["initContainers"]
    main = container(made)
    assert (init["image"], init["command"], init["args"]) == ("web:1", ["prepare"], ["now"])
    assert {entry["name"]: entry["value"] for entry in init["env"]} == {"A": "1", "B": "3"}
    for field in ("resources", "securityContext", "volumeMounts"):
        assert init[field] == main[field]
    assert init["name"] != main["name"]
    (init,) = pod(workload(init={"command": ["x"], "image": "tools:2"}))["initContainers"]
    assert init["image"] == "tools:2"
    assert "initContainers" not in pod(workload())


def test_a_service_that_completes_is_a_job_with_one_attempt() -> None:
    made = workload(completes=True, init={"command": ["wait"]})
    assert made["spec"]["backoffLimit"] == 0
    assert made["spec"]["activeDeadlineSeconds"] > 600
    assert pod(made)["restartPolicy"] == "Never"
    assert made["metadata"]["labels"][names.SERVICE] == "web"
    assert names.STEP not in made["metadata"]["labels"]
    # A step may have any name.
    assert not made["metadata"]["name"].startswith("step-")


def test_a_copy_has_the_content_and_nothing_else_of_its_source() -> None:
    source = {
        "metadata": {
            "name": "db",
            "namespace": "shop",
            "annotations": {"last-applied": "password"},
            "labels": {"a": "b"},
        },
        "type": "kubernetes.io/tls",
        "data": {"tls.key": "c2VjcmV0"},
        "immutable": False,
    }
    copy = copy_of(ORIGIN, "trial", "Secret", source)
    assert copy == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": ORIGIN.metadata("db", "trial"),
        "type": "kubernetes.io/tls",
        "data": {"tls.key": "c2VjcmV0"},
        "immutable": True,
    }


def test_pods_pull_their_images_with_the_users_secrets() -> None:
    assert pod(with_pull_secrets(workload(), ["a", "b"]))["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert "imagePullSecrets" not in pod(with_pull_secrets(workload(), []))
