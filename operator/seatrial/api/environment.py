"""The environment of a trial: services, how they depend on one another, and when each is healthy."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Model, Template, list_map, rules, unique
from seatrial.api.duration import Duration, seconds
from seatrial.api.existing import Existing

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


class HttpProbe(Model):
    """Healthy when an HTTP GET answers with a status from 200 to 399."""

    port: str | None = Field(None, max_length=15, description="Name of the port; may be left out if there is only one.")
    path: Annotated[str, Field(pattern=r"^/", max_length=1024)] = Field("/", description="Path of the request.")


class TcpProbe(Model):
    """Healthy when a TCP connection is accepted."""

    port: str | None = Field(None, max_length=15, description="Name of the port; may be left out if there is only one.")


class Readiness(Model):
    """When a service counts as healthy: its pods are ready and this probe succeeds through its Service."""

    http: HttpProbe | None = Field(None, description="Probe by an HTTP GET.")
    tcp: TcpProbe | None = Field(None, description="Probe by opening a TCP connection.")
    success_threshold: Annotated[int, Field(ge=1, le=20)] = Field(
        1, description="Successes in a row that make the service healthy. Default 1."
    )
    interval: Duration = Field(
        seconds(1),
        description="Longest pause between two probes; the first ones follow more quickly. Default 1s.",
    )
    timeout: Duration = Field(
        seconds(120), description="Time from its start until the service must be healthy. Default 2m."
    )

    model_config = {
        "json_schema_extra": rules(
            ("!(has(self.http) && has(self.tcp))", "give one of http and tcp, not both"),
        )
    }

    @model_validator(mode="after")
    def _one_probe(self) -> Self:
        if self.http and self.tcp:
            raise ValueError("give one of http and tcp, not both")
        return self


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


class Service(Container):
    """One service under trial: a Deployment and, if it has ports, a Service of the same name; or one that exists."""

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

    model_config = {
        "json_schema_extra": rules(
            (
                "has(self.existing) != (has(self.image) && self.image != '')",
                "give image, or existing for a Service that runs already",
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
        )
    }

    @model_validator(mode="after")
    def _made_or_existing(self) -> Self:
        if (self.existing is None) == (not self.image):
            raise ValueError("give image, or existing for a Service that runs already")
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

    model_config = {
        "json_schema_extra": rules(
            (
                "self.services.all(s, !has(s.dependsOn) || "
                "s.dependsOn.all(d, self.services.exists(t, t.name == d.service)))",
                "dependsOn names a service that is not in environment.services; `seatrial validate` says which",
            ),
        )
    }
