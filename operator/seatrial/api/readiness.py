"""When a service counts as healthy: the kinds of probes, and how often one must succeed or fail."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Expression, Model, atomic, list_map, rules, unique
from seatrial.api.duration import Duration, seconds
from seatrial.api.exchange import Header

#: Statuses that count where a probe names none: what the kubelet takes as well.
DEFAULT_STATUSES = range(200, 400)

_PORT = "Name of the port; may be left out if there is only one."


class HttpProbe(Model):
    """Healthy when an HTTP GET answers as it should. Redirects are not followed."""

    port: str | None = Field(None, max_length=15, description=_PORT)
    path: Annotated[str, Field(pattern=r"^/", max_length=1024)] = Field("/", description="Path of the request.")
    headers: Annotated[list[Header], unique("name")] = Field(
        [], max_length=16, description="Headers to send.", json_schema_extra=list_map("name")
    )
    statuses: list[Annotated[int, Field(ge=100, le=599)]] = Field(
        [],
        max_length=20,
        description="Statuses of which the answer must have one. Default: 200 to 399.",
        json_schema_extra=atomic(),
    )
    expect: list[Expression] = Field(
        [],
        max_length=5,
        description="CEL over the answer, each of which must hold: response.status, response.headers, response.json, "
        "response.text, response.time.",
        json_schema_extra=atomic(),
    )

    def accepts(self, status: int) -> bool:
        """Whether a status counts."""
        return status in (self.statuses or DEFAULT_STATUSES)


class TcpProbe(Model):
    """Healthy when a TCP connection is accepted."""

    port: str | None = Field(None, max_length=15, description=_PORT)


class GrpcProbe(Model):
    """Healthy when the gRPC health protocol (grpc.health.v1.Health/Check) answers SERVING, without TLS."""

    port: str | None = Field(None, max_length=15, description=_PORT)
    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*$", max_length=256)] = Field(
        "", description="Name of the gRPC service to ask for. Default: empty, the server as a whole."
    )


Probe = HttpProbe | TcpProbe | GrpcProbe

_ONE_PROBE = "give at most one of http, tcp, grpc and command"


class Readiness(Model):
    """When a service counts as healthy: its pods are ready and this probe succeeds through its Service."""

    http: HttpProbe | None = Field(None, description="Probe by an HTTP GET.")
    tcp: TcpProbe | None = Field(None, description="Probe by opening a TCP connection.")
    grpc: GrpcProbe | None = Field(None, description="Probe by the gRPC health protocol.")
    command: list[Annotated[str, Field(max_length=1024)]] | None = Field(
        None,
        min_length=1,
        max_length=32,
        description="Probe by a command in each container, run by the kubelet: exit code 0 is healthy.",
        json_schema_extra=atomic(),
    )
    success_threshold: Annotated[int, Field(ge=1, le=20)] = Field(
        1, description="Successes in a row that make the service healthy. Default 1."
    )
    failure_threshold: Annotated[int, Field(ge=1, le=20)] = Field(
        3, description="Failures in a row that make a healthy service unhealthy. Default 3."
    )
    interval: Duration = Field(
        seconds(1),
        description="Longest pause between two probes; the first ones follow more quickly. Once the service is "
        "healthy, the pause is at least 2s. Default 1s.",
    )
    probe_timeout: Duration = Field(seconds(5), description="Time in which one probe must be answered. Default 5s.")
    timeout: Duration = Field(
        seconds(120), description="Time from its start until the service must be healthy. Default 2m."
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "(has(self.http) ? 1 : 0) + (has(self.tcp) ? 1 : 0) + (has(self.grpc) ? 1 : 0) + "
                "(has(self.command) ? 1 : 0) <= 1",
                _ONE_PROBE,
            ),
            (
                "!has(self.probeTimeout) || duration(self.probeTimeout) >= duration('10ms') && "
                "duration(self.probeTimeout) <= duration('60s')",
                "probeTimeout must be from 10ms to 60s",
            ),
        )
    }

    @property
    def probe(self) -> Probe | None:
        """The probe that goes through the Service; a command is the kubelet's alone, and counts by pods ready."""
        return self.http or self.tcp or self.grpc

    @model_validator(mode="after")
    def _one_probe(self) -> Self:
        if sum(kind is not None for kind in (self.http, self.tcp, self.grpc, self.command)) > 1:
            raise ValueError(_ONE_PROBE)
        if not seconds(0.01) <= self.probe_timeout <= seconds(60):
            raise ValueError("probeTimeout must be from 10ms to 60s")
        return self
