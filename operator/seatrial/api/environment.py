"""The environment of a trial: services, how they depend on one another, and when each is healthy."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seatrial.api.base import DnsName, Model, Template, list_map, rules, unique
from seatrial.api.readiness import Readiness

Image = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[!-~]+$")]
Quantity = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        max_length=20,
    ),
]


class EnvVar(Model):
    """One environment variable of a container."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=128)] = Field(
        description="Name of the variable, as the container sees it."
    )
    value: Template = Field("", description="Its value. In Jobs of steps it may hold ${…} expressions.")


class ResourceAmounts(Model):
    """Amounts of CPU and memory."""

    cpu: Quantity | None = Field(None, description="CPU in cores, for example 500m for half a core.")
    memory: Quantity | None = Field(None, description="Memory in bytes, for example 256Mi.")


class Resources(Model):
    """What a container asks for and what it may not exceed."""

    requests: ResourceAmounts | None = Field(
        None, description="What the scheduler sets aside. Default: 50m of CPU and 64Mi of memory."
    )
    limits: ResourceAmounts | None = Field(
        None, description="What the container may use at most. Default: 1 core and 512Mi of memory."
    )


class PodSecurity(StrEnum):
    """How far a container is locked down (Pod Security Standards)."""

    BASELINE = "Baseline"
    RESTRICTED = "Restricted"


class Container(Model):
    """What services and Jobs have in common: one container."""

    image: Image = Field(description="Container image, with its tag or digest.")
    command: list[Template] | None = Field(
        None,
        max_length=64,
        description="Replaces the image's entry point.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    args: list[Template] | None = Field(
        None,
        max_length=64,
        description="Arguments of the entry point.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    env: Annotated[list[EnvVar], unique("name")] = Field(
        [], max_length=100, description="Environment variables, by name.", json_schema_extra=list_map("name")
    )
    resources: Resources = Field(Resources(), description="CPU and memory of the container.")
    pod_security: PodSecurity = Field(
        PodSecurity.BASELINE,
        description="Baseline (default) lets the image choose its user, root included, without privileges; "
        "Restricted also demands a non-root user and drops every capability. Neither allows host access.",
    )


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


class Dependency(Model):
    """Another service that must be up first."""

    service: DnsName = Field(description="Name of the other service in this environment.")
    condition: DependencyCondition = Field(
        DependencyCondition.HEALTHY,
        description="Started: its pods run. Healthy (default): they are ready and its probe has succeeded.",
    )


def names_port(target: str, service: str) -> str:
    """Writes the CEL that says whether ``target.port`` names a port of a service, or may be left out."""
    named = f"{service}.ports.exists(p, p.name == {target}.port)"
    return f"has({service}.ports) && (has({target}.port) ? {named} : {service}.ports.size() == 1)"


def _probe_rule(kind: str) -> tuple[str, str]:
    probe = f"self.ready.{kind}"
    return (
        f"!has(self.ready) || !has({probe}) || {names_port(probe, 'self')}",
        f"ready.{kind}.port must name one of the service's ports; leave it out only if there is exactly one",
    )


class Service(Container):
    """One service under trial: a Deployment and, if it has ports, a Service of the same name."""

    name: DnsName = Field(description="Name of the service; the others reach it under this name.")
    replicas: Annotated[int, Field(ge=1, le=20)] = Field(1, description="Number of pods. Default 1.")
    ports: Annotated[list[Port], unique("name")] = Field(
        [], max_length=16, description="Ports on which it listens.", json_schema_extra=list_map("name")
    )
    depends_on: Annotated[list[Dependency], unique("service")] = Field(
        [],
        max_length=20,
        description="Services that must be up before this one is created.",
        json_schema_extra=list_map("service"),
    )
    ready: Readiness = Field(Readiness(), description="When the service counts as healthy.")

    model_config = {
        "json_schema_extra": rules(
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


class NamespaceMode(StrEnum):
    """Where the environment lives."""

    EPHEMERAL = "Ephemeral"


class Environment(Model):
    """The services under trial. They live in a guarded namespace that is made for the run and taken away after it."""

    namespace: NamespaceMode = Field(
        NamespaceMode.EPHEMERAL,
        description="Ephemeral (default): a namespace of its own for each run, with quota, limits, "
        "Pod Security and network policies.",
    )
    services: list[Service] = Field(
        max_length=50,
        min_length=1,
        description="The services under trial.",
        json_schema_extra=list_map("name"),
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "self.services.all(s, !has(s.dependsOn) || "
                "s.dependsOn.all(d, self.services.exists(t, t.name == d.service)))",
                "dependsOn names a service that is not in environment.services; `seatrial validate` says which",
            ),
        )
    }
