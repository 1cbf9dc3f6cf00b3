"""What a schema cannot say of an environment: what containers refer to is there, and nothing is in another's place."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from seatrial.api.container import Container
from seatrial.api.environment import DependencyCondition, Environment, Init, Service
from seatrial.api.problem import Problem
from seatrial.api.quantity import amount
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.storage import CLAIMS, STORAGE
from seatrial.api.tls import CLUSTER_CA, CertificateAuthority
from seatrial.api.variable import RESERVED

#: Field of the environment that lists what may be referred to, by the field that refers.
_LISTS = {"secret": "secrets", "configMap": "configMaps"}


def environment_problems(spec: TestScenarioSpec) -> Iterator[Problem]:
    """Finds the mistakes in an environment and in how Jobs use it."""
    environment = spec.environment
    yield from _sources(environment)
    yield from _storage(environment.services)
    services = {service.name: service for service in environment.services}
    for index, service in enumerate(environment.services):
        field = f"spec.environment.services[{index}]"
        yield from _container(field, service, environment)
        if service.init:
            yield from _references(f"{field}.init", service.init, environment)
        for at, dependency in enumerate(service.depends_on):
            other = services.get(dependency.service)
            if other is not None:
                yield from _condition(f"{field}.dependsOn[{at}].condition", other, dependency.condition)
        if service.storage and headless_name(service.name) in services:
            remedy = f"is the name of the pods' own Service of {service.name}, which has storage: rename one"
            yield Problem("spec.environment.services", repr(headless_name(service.name)), remedy)
    for phase in ("setup", "steps", "teardown"):
        for index, entry in enumerate(getattr(spec, phase)):
            if entry.job:
                yield from _container(f"spec.{phase}[{index}].job", entry.job, environment)
    for index, step in enumerate(spec.steps):
        tls = step.load.target.tls if step.load else None
        if tls and tls.ca:
            yield from _authority(f"spec.steps[{index}].load.target.tls.ca", tls.ca, environment)


def headless_name(service: str) -> str:
    """Name of the headless Service that governs the StatefulSet of a service."""
    return f"{service}-pods"


def _sources(environment: Environment) -> Iterator[Problem]:
    lists = {
        "secrets": environment.secrets,
        "configMaps": environment.config_maps,
        "imagePullSecrets": environment.image_pull_secrets,
    }
    for field, entries in lists.items():
        for index, name in enumerate(entries):
            path = f"spec.environment.{field}[{index}]"
            if name in entries[:index]:
                yield Problem(path, repr(name), "is given twice: keep one")
            if name.startswith(RESERVED):
                yield Problem(path, repr(name), f"names that begin with {RESERVED} are Seatrial's own: rename it")


def _storage(services: list[Service]) -> Iterator[Problem]:
    field = "spec.environment.services"
    claims, size = claims_of(services), storage_of(services)
    if claims > CLAIMS:
        yield Problem(field, "", f"ask for {claims} volumes together, at most {CLAIMS} fit: lower replicas")
    if size > amount(STORAGE):
        yield Problem(field, "", f"ask for {size} bytes of storage together, at most {STORAGE} fit: lower storage.size")


def claims_of(services: Iterable[Service]) -> int:
    """How many volumes services ask for."""
    return sum(service.replicas for service in services if service.storage)


def storage_of(services: Iterable[Service]) -> Decimal:
    """How many bytes of storage services ask for."""
    return sum((service.replicas * amount(service.storage.size) for service in services if service.storage), Decimal())


def _condition(field: str, other: Service, condition: DependencyCondition) -> Iterator[Problem]:
    if condition is DependencyCondition.COMPLETED and not other.completes:
        remedy = f"{other.name} never completes: write Healthy or Started, or completes: true at {other.name}"
        yield Problem(field, repr(condition.value), remedy)
    if condition is DependencyCondition.HEALTHY and other.completes:
        remedy = f"{other.name} runs to its end (completes: true): write condition: Completed"
        yield Problem(field, repr(condition.value), remedy)


def _container(field: str, container: Container, environment: Environment) -> Iterator[Problem]:
    yield from _references(field, container, environment)
    for index, source in enumerate(container.env_from):
        yield from _reference(f"{field}.envFrom[{index}].secret", "secret", source.secret, environment)
        yield from _reference(f"{field}.envFrom[{index}].configMap", "configMap", source.config_map, environment)
    storage = container.storage if isinstance(container, Service) else None
    paths = [file.path for file in container.files]
    for index, path in enumerate(paths):
        around = next((other for other in paths if path.startswith(f"{other}/")), None)
        if around:
            yield Problem(f"{field}.files[{index}].path", repr(path), f"lies in {around}, which is a file: change one")
        if storage and (storage.path == path or storage.path.startswith(f"{path}/")):
            remedy = f"the storage is mounted at {storage.path}, so no file can be there: change one"
            yield Problem(f"{field}.files[{index}].path", repr(path), remedy)


def _references(field: str, container: Container | Init, environment: Environment) -> Iterator[Problem]:
    for index, variable in enumerate(container.env):
        path = f"{field}.env[{index}]"
        for kind, source in (("secret", variable.secret), ("configMap", variable.config_map)):
            yield from _reference(f"{path}.{kind}.name", kind, source.name if source else None, environment)


def _authority(field: str, ca: CertificateAuthority, environment: Environment) -> Iterator[Problem]:
    for kind, source in (("secret", ca.secret), ("configMap", ca.config_map)):
        if source and (kind, source.name) != ("configMap", CLUSTER_CA):
            yield from _reference(f"{field}.{kind}.name", kind, source.name, environment)


def _reference(field: str, kind: str, name: str | None, environment: Environment) -> Iterator[Problem]:
    listed = environment.secrets if kind == "secret" else environment.config_maps
    if name is not None and name not in listed:
        yield Problem(field, repr(name), f"is not copied into the environment: add it to environment.{_LISTS[kind]}")
