"""The environment of a trial: services, how they depend on one another, and when each is healthy."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Model, Template, atomic, list_map, rules, unique
from seatrial.api.container import Container, Image
from seatrial.api.existing import Existing
from seatrial.api.readiness import Readiness
from seatrial.api.storage import Storage
from seatrial.api.variable import EnvVar, SourceName


class Port(Model):
    """A TCP port of a service."""

    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=15)] = Field(
        description="Name by which probes, checks and load refer to the port."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        description="Number on which the container listens and the Service answers."
    )


class DependencyCondition(StrEnum):
    """What a service waits for in another one."""

    STARTED = "Started"
    HEALTHY = "Healthy"
    COMPLETED = "Completed"


class Dependency(Model):
    """Another service that must be up first."""

    service: DnsName = Field(description="Name of the other service in this environment.")
    condition: DependencyCondition = Field(
        DependencyCondition.HEALTHY,
        description="Started: its pods run. Healthy (default): they are ready and its probe has succeeded. "
        "Completed: it has ended with exit code 0, for services that say completes: true.",
    )


def names_port(target: str, service: str) -> str:
    """Writes the CEL that says whether ``target.port`` names a port of a service, or may be left out.

    The ports of an existing service, unless they are given, are known when it is looked up.
    """
    named = f"{service}.ports.exists(p, p.name == {target}.port)"
    given = f"has({service}.ports) && (has({target}.port) ? {named} : {service}.ports.size() == 1)"
    return f"({given} || has({service}.existing) && !has({service}.ports))"


def _probe_rule(kind: str) -> tuple[str, str]:
    probe = f"self.ready.{kind}"
    return (
        f"!has(self.ready) || !has({probe}) || {names_port(probe, 'self')}",
        f"ready.{kind}.port must name one of the service's ports; leave it out only if there is exactly one",
    )


_COMPLETES = "a service that completes has no replicas, ports, ready and storage: take them out"


class Init(Model):
    """What runs in each pod of a service before its container starts, and must end with exit code 0."""

    command: list[Template] = Field(
        min_length=1, max_length=64, description="Program and its arguments.", json_schema_extra=atomic()
    )
    args: list[Template] = Field(
        [], max_length=64, description="Further arguments, after those of command.", json_schema_extra=atomic()
    )
    image: Image | None = Field(None, description="Container image. Default: the service's.")
    env: Annotated[list[EnvVar], unique("name")] = Field(
        [],
        max_length=100,
        description="Environment variables besides the service's own, which it gets too; of the same name, these win.",
        json_schema_extra=list_map("name"),
    )


class Service(Container):
    """One service under trial: a Deployment (StatefulSet with storage, Job if it completes), with ports a Service.

    Or, if it is existing, one that runs already.
    """

    name: DnsName = Field(description="Name of the service; the others reach it under this name.")
    image: Annotated[str, Field(max_length=512, pattern=r"^[!-~]*$")] = Field(
        "", description="Container image, with its tag or digest. Required, unless the service is existing."
    )
    existing: Existing | None = Field(
        None,
        description="A Service that runs already, to be used instead of starting one. Beside it, only name, ports and "
        "ready may be given.",
    )
    replicas: Annotated[int, Field(ge=1, le=20)] = Field(1, description="Number of pods. Default 1.")
    ports: Annotated[list[Port], unique("name")] = Field(
        [],
        max_length=16,
        description="Ports on which it listens. Those of an existing service need not be given: its Service has them.",
        json_schema_extra=list_map("name"),
    )
    depends_on: Annotated[list[Dependency], unique("service")] = Field(
        [],
        max_length=20,
        description="Services that must be up before this one is created.",
        json_schema_extra=list_map("service"),
    )
    ready: Readiness = Field(Readiness(), description="When the service counts as healthy.")
    storage: Storage | None = Field(
        None,
        description="A volume for each of its pods, made with the service and gone with the environment.",
    )
    init: Init | None = Field(
        None, description="A command that runs before the container of each pod, with the same files and storage."
    )
    completes: bool = Field(
        False,
        description="Whether it runs to its end once, as a migration does, instead of serving: it is then healthy when "
        "it has ended with exit code 0, and any other ends the run as Error. It has no replicas, ports, ready and "
        "storage. Default false.",
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "has(self.existing) != (has(self.image) && self.image != '')",
                "give image, or existing for a Service that runs already",
            ),
            (
                "!has(self.completes) || !self.completes || !has(self.ready) && !has(self.storage) && "
                "(!has(self.replicas) || self.replicas == 1) && (!has(self.ports) || self.ports.size() == 0)",
                _COMPLETES,
            ),
            (
                "!has(self.dependsOn) || self.dependsOn.all(d, d.service != self.name)",
                "a service cannot depend on itself",
            ),
            (
                "!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, q.port == p.port))",
                "a port number is given under two names: keep one",
            ),
            _probe_rule("http"),
            _probe_rule("tcp"),
            _probe_rule("grpc"),
        )
    }

    @property
    def found_by_probe(self) -> bool:
        """Whether its one pod is found healthy by the probe through its Service alone.

        With more of them the probe cannot tell whether it was each that answered: only the kubelet can.
        """
        return self.replicas == 1 and self.ready.probe is not None

    @model_validator(mode="after")
    def _made_or_existing(self) -> Self:
        if (self.existing is None) == (not self.image):
            raise ValueError("give image, or existing for a Service that runs already")
        return self

    @model_validator(mode="after")
    def _only_runs_to_its_end(self) -> Self:
        if self.completes and (self.replicas > 1 or self.ports or self.storage or self.ready != Readiness()):
            raise ValueError(_COMPLETES)
        return self


class NamespaceMode(StrEnum):
    """Where the environment lives."""

    EPHEMERAL = "Ephemeral"
    SAME = "Same"


class Environment(Model):
    """The services under trial, and where they live: each run makes them, and takes them away after it."""

    namespace: NamespaceMode = Field(
        NamespaceMode.EPHEMERAL,
        description="Ephemeral (default): a namespace of its own for each run, with quota, limits, "
        "Pod Security and network policies. Same: the resource's own namespace, whose quota and policies then apply.",
    )
    services: list[Service] = Field(
        max_length=50,
        min_length=1,
        description="The services under trial.",
        json_schema_extra=list_map("name"),
    )
    secrets: list[SourceName] = Field(
        [],
        max_length=20,
        description="Secrets of the resource's own namespace that are copied into the environment under their names "
        "before services start, and go with it. Containers can take variables from these only.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    config_maps: list[SourceName] = Field(
        [],
        max_length=20,
        description="ConfigMaps of the resource's own namespace that are copied likewise.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    image_pull_secrets: list[SourceName] = Field(
        [],
        max_length=10,
        description="Secrets of the resource's own namespace with which all images of the environment are pulled; "
        "copied likewise.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "self.services.all(s, !has(s.dependsOn) || "
                "s.dependsOn.all(d, self.services.exists(t, t.name == d.service)))",
                "dependsOn names a service that is not in environment.services; `seatrial validate` says which",
            ),
            (
                "!has(self.namespace) || self.namespace != 'Same' || self.services.all(s, !has(s.storage))",
                "storage needs a namespace of its own: take out namespace, or storage",
            ),
            (
                "[self.services.filter(s, has(s.completes) && s.completes).map(s, s.name)].all(done, "
                "self.services.all(s, !has(s.dependsOn) || s.dependsOn.all(d, "
                "(has(d.condition) ? d.condition : 'Healthy') in ['Started', d.service in done ? 'Completed' : "
                "'Healthy'])))",
                "dependsOn asks for Completed of services with completes: true, and for Healthy (the default) of all "
                "others; `seatrial validate` says which is wrong",
            ),
        )
    }
