"""Mistakes in an environment: what is referred to and is not there, what cannot be, what is too much."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.validation import InvalidSpec, read

Spec = dict[str, Any]

GOOD: Spec = {
    "environment": {
        "secrets": ["db"],
        "configMaps": ["flags"],
        "imagePullSecrets": ["registry"],
        "services": [
            {
                "name": "db",
                "image": "db:1",
                "ports": [{"name": "sql", "port": 5432}],
                "env": [{"name": "PASSWORD", "secret": {"name": "db", "key": "password"}}],
                "storage": {"path": "/data", "size": "1Gi"},
                "files": [{"path": "/etc/db/db.conf", "content": "a=1", "mode": "0644"}],
                "init": {"command": ["prepare"], "env": [{"name": "A", "value": "${HOME} is taken as it is"}]},
            },
            {
                "name": "migrate",
                "image": "migrate:1",
                "completes": True,
                "dependsOn": [{"service": "db"}],
                "envFrom": [{"secret": "db", "prefix": "DB_"}, {"configMap": "flags"}],
            },
            {"name": "web", "image": "web:1", "dependsOn": [{"service": "migrate", "condition": "Completed"}]},
        ],
    },
    "steps": [
        {
            "name": "check",
            "job": {
                "image": "c:1",
                "env": [{"name": "FLAG", "configMap": {"name": "flags", "key": "cart"}}],
                "files": [{"path": "/run.sh", "content": "echo ${run.id} $${HOME}"}],
            },
        }
    ],
}


def test_a_good_environment_is_good() -> None:
    assert read(TestScenarioSpec, GOOD).environment.services[1].completes


def service(spec: Spec, index: int) -> Spec:
    found: Spec = spec["environment"]["services"][index]
    return found


def job(spec: Spec) -> Spec:
    found: Spec = spec["steps"][0]["job"]
    return found


def encrypted(ca: Spec) -> Spec:
    target = {"service": "db", "tls": {"ca": ca}}
    return {"name": "peak", "load": {"target": target, "profile": {"users": 1, "duration": "1s"}}}


def secret(name: str) -> Spec:
    return {"name": "X", "secret": {"name": name, "key": "k"}}


MISTAKES: list[tuple[Callable[[Spec], object], str, str]] = [
    (
        lambda s: s["environment"].update(secrets=[]),
        "spec.environment.services[0].env[0].secret.name: 'db'",
        "add it to environment.secrets",
    ),
    (
        lambda s: s["environment"].update(secrets=["other"]),
        "spec.environment.services[1].envFrom[0].secret: 'db'",
        "add it to environment.secrets",
    ),
    (
        lambda s: s["environment"].update(configMaps=[]),
        "spec.steps[0].job.env[0].configMap.name: 'flags'",
        "add it to environment.configMaps",
    ),
    (
        lambda s: service(s, 0)["init"].update(env=[secret("registry")]),
        "spec.environment.services[0].init.env[0].secret.name: 'registry'",
        "add it to environment.secrets",
    ),
    (
        lambda s: s.update(teardown=[{"name": "bye", "job": {"image": "i", "env": [secret("x")]}}]),
        "spec.teardown[0].job.env[0].secret.name: 'x'",
        "add it to environment.secrets",
    ),
    (
        lambda s: s["steps"].append(encrypted({"configMap": {"name": "web-ca", "key": "ca.crt"}})),
        "spec.steps[1].load.target.tls.ca.configMap.name: 'web-ca'",
        "add it to environment.configMaps",
    ),
    (
        lambda s: s["steps"].append(encrypted({"secret": {"name": "kube-root-ca.crt", "key": "ca.crt"}})),
        "spec.steps[1].load.target.tls.ca.secret.name: 'kube-root-ca.crt'",
        "add it to environment.secrets",
    ),
    (
        lambda s: s["environment"].update(secrets=["db", "db"]),
        "spec.environment.secrets[1]: 'db'",
        "is given twice: keep one",
    ),
    (
        lambda s: s["environment"].update(configMaps=["flags", "seatrial-service-db"]),
        "spec.environment.configMaps[1]: 'seatrial-service-db'",
        "are Seatrial's own",
    ),
    (
        lambda s: service(s, 2).update(dependsOn=[{"service": "migrate"}]),
        "spec.environment.services[2].dependsOn[0].condition: 'Healthy'",
        "migrate runs to its end (completes: true): write condition: Completed",
    ),
    (
        lambda s: service(s, 1).update(dependsOn=[{"service": "db", "condition": "Completed"}]),
        "spec.environment.services[1].dependsOn[0].condition: 'Completed'",
        "db never completes",
    ),
    (lambda s: service(s, 1).update(replicas=2), "spec.environment.services[1]", "take them out"),
    (lambda s: service(s, 1).update(ready={"timeout": "1s"}), "spec.environment.services[1]", "take them out"),
    (lambda s: service(s, 2).update(name="db-pods"), "spec.environment.services: 'db-pods'", "rename one"),
    (lambda s: service(s, 0)["storage"].update(size="101Gi"), "spec.environment.services", "at most 100Gi fit"),
    (
        lambda s: service(s, 0).update(replicas=11, storage={"path": "/d", "size": "10Gi"}),
        "spec.environment.services",
        "lower storage.size",
    ),
    (
        lambda s: [
            service(s, 0).update(replicas=20),
            service(s, 2).update(storage={"path": "/d", "size": "1M"}),
        ],
        "spec.environment.services",
        "ask for 21 volumes together, at most 20 fit",
    ),
    (
        lambda s: job(s)["files"].append({"path": "/run.sh/x", "content": ""}),
        "spec.steps[0].job.files[1].path: '/run.sh/x'",
        "lies in /run.sh, which is a file",
    ),
    (
        lambda s: service(s, 0)["files"].append({"path": "/data", "content": ""}),
        "spec.environment.services[0].files[1].path: '/data'",
        "the storage is mounted at /data",
    ),
    (
        lambda s: job(s)["files"].append({"path": "/run.sh", "content": ""}),
        "spec.steps[0].job.files",
        "path '/run.sh' is given twice: keep one",
    ),
    (
        lambda s: job(s)["files"][0].update(content="x" * 16_385),
        "spec.steps[0].job.files[0].content",
        "at most 16384 characters",
    ),
    (
        lambda s: job(s)["files"][0].update(content="é" * 9_000),
        "spec.steps[0].job.files[0].content",
        "has 18000 bytes, at most 16384 fit",
    ),
    (
        lambda s: job(s).update(files=[{"path": f"/{n}", "content": "x" * 16_000} for n in range(5)]),
        "spec.steps[0].job",
        "its files hold 80000 bytes, at most 65536 fit",
    ),
    (
        lambda s: job(s)["files"][0].update(content="echo ${HOME}"),
        "spec.steps[0].job.files: 'HOME'",
        "write $${ for ${ itself",
    ),
    (lambda s: job(s)["files"][0].update(path="/a/../b"), "spec.steps[0].job.files[0].path", "must match"),
    (lambda s: job(s)["files"][0].update(path="a"), "spec.steps[0].job.files[0].path", "must match"),
    (lambda s: job(s)["files"][0].update(mode="0999"), "spec.steps[0].job.files[0].mode", "must match"),
    (
        lambda s: service(s, 0)["env"][0].update(value="x"),
        "spec.environment.services[0].env[0]",
        "give exactly one of value, secret and configMap",
    ),
    (
        lambda s: service(s, 0).update(env=[{"name": "X"}]),
        "spec.environment.services[0].env[0]",
        "give exactly one of value, secret and configMap",
    ),
    (
        lambda s: service(s, 1).update(envFrom=[{"prefix": "A_"}]),
        "spec.environment.services[1].envFrom[0]",
        "give exactly one of secret and configMap",
    ),
    (lambda s: service(s, 0)["init"].pop("command"), "spec.environment.services[0].init.command", "is required"),
    (lambda s: service(s, 0)["storage"].update(size="0"), "spec.environment.services[0].storage.size", "must match"),
    (
        lambda s: s["environment"].update(secrets=["../x"]),
        "spec.environment.secrets[0]",
        "must match",
    ),
]


@pytest.mark.parametrize(("spoil", "where", "remedy"), MISTAKES)
def test_each_mistake_is_named(spoil: Callable[[Spec], object], where: str, remedy: str) -> None:
    spec = copy.deepcopy(GOOD)
    spoil(spec)
    with pytest.raises(InvalidSpec) as caught:
        read(TestScenarioSpec, spec)
    problems = [str(problem) for problem in caught.value.problems]
    assert any(text.startswith(where) and remedy in text for text in problems), problems
