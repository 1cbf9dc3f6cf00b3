"""Load: requests, the profile at which they are sent, and the thresholds that judge the result."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Expression, Model, list_map, rules, unique
from seatrial.api.duration import Duration, seconds
from seatrial.api.environment import Resources
from seatrial.api.exchange import Data, Exchange, Flow, Request
from seatrial.api.script import Engine, Script
from seatrial.api.threshold import named_requests

_SCRIPT = "the engines K6 and Locust run a script, and Http does not: give engine and script together"
_MODEL = "give one of rate (open model) and users (closed model)"


class Target(Model):
    """Where the load goes: a port of a Service in the same namespace."""

    service: DnsName = Field(description="Name of the Service.")
    port: str | None = Field(None, max_length=15, description="Name of its port; may be left out if there is only one.")


class Profile(Model):
    """How much load and for how long: open model by ``rate`` or closed model by ``users``."""

    rate: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None,
        description="Open model: requests that start per second, over all workers, whether or not earlier ones "
        "have been answered.",
    )
    users: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None,
        description="Closed model: users over all workers, each sending its next request when the last is answered.",
    )
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None,
        description="Open model: requests that may be unanswered at a time, over all workers. An arrival beyond it "
        "is dropped and counted. Default: twice the rate, at least 100 and at most 20000.",
    )
    duration: Duration = Field(description="Time for which load is measured, after the warm-up.")
    warmup: Duration = Field(
        seconds(0), description="Time at the start whose requests are sent but not measured. Default 0s."
    )

    model_config = {
        "json_schema_extra": rules(
            ("!has(self.rate) || !has(self.users)", "give one of rate (open model) and users (closed model)"),
            ("!has(self.maxInFlight) || has(self.rate)", "maxInFlight belongs to the open model: give rate"),
            ("duration(self.duration) >= duration('1s')", "duration must be at least 1s"),
            ("duration(self.duration) <= duration('24h')", "duration must be at most 24h"),
        )
    }

    @property
    def in_flight_limit(self) -> int:
        """Requests that may be unanswered at a time, over all workers, in the open model."""
        return self.max_in_flight or min(max(2 * (self.rate or 0), 100), 20_000)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.rate is not None and self.users is not None:
            raise ValueError("give one of rate (open model) and users (closed model)")
        if self.max_in_flight is not None and self.rate is None:
            raise ValueError("maxInFlight belongs to the open model: give rate")
        if not seconds(1) <= self.duration <= seconds(86_400):
            raise ValueError("duration must be from 1s to 24h")
        return self


class Threshold(Model):
    """A condition that the merged result must meet."""

    expr: Expression = Field(
        description="CEL over the merged result, for example latency.p99 < duration('250ms') or errors.rate < 0.01. "
        "One request by its name: request['GET /orders'].latency.p99. A result without data never passes."
    )
    abort_on_fail: bool = Field(
        False,
        description="End the load as soon as this is false on the merge of all workers, with the verdict Failed. "
        "Default false.",
    )
    after: Duration = Field(
        seconds(0),
        description="Time from the start of measuring before which it is not judged while load goes on. Default 0s.",
    )


class LoadSpec(Model):
    """The load that workers generate against one Service, and how its result is judged."""

    target: Target = Field(description="Where the load goes.")
    engine: Engine = Field(
        Engine.HTTP,
        description="What generates it: Http (default) sends requests or flows, K6 and Locust run a script.",
    )
    script: Script | None = Field(None, description="The script of K6 or Locust.")
    requests: list[Request] = Field(
        [],
        max_length=50,
        description="What is sent; each arrival picks one by weight. Default: GET /.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    flows: list[Flow] = Field(
        [],
        max_length=10,
        description="What users do, instead of requests: each arrival, or each turn of a user, goes through one by "
        "weight, with cookies of its own. 50 steps in all.",
        json_schema_extra=list_map("name"),
    )
    data: Annotated[list[Data], unique("name")] = Field(
        [], max_length=10, description="Values that requests are made of.", json_schema_extra=list_map("name")
    )
    profile: Profile = Field(description="How much load and for how long.")
    request_timeout: Duration = Field(
        seconds(10),
        description="Time in which a request must be answered, from its actual start. Default 10s.",
    )
    workers: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="Worker pods among which the load is divided evenly. Default 1."
    )
    resources: Resources | None = Field(
        None,
        description="CPU and memory of each worker. Default: 100m of CPU and 64Mi requested, a memory limit of 512Mi "
        "and no CPU limit, of which a worker uses one core at most. With a script 128Mi and 1Gi of memory.",
    )
    thresholds: list[Threshold] = Field(
        [],
        max_length=20,
        description="Conditions that the merged result must meet.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "!has(self.workers) || (has(self.profile.rate) ? self.profile.rate >= self.workers : "
                "!has(self.profile.users) || self.profile.users >= self.workers)",
                "fewer requests per second (or users) than workers: lower workers",
            ),
            (
                "!has(self.requests) || !has(self.flows) || self.requests.size() == 0 || self.flows.size() == 0",
                "give one of requests and flows",
            ),
            (f"has(self.script) == (has(self.engine) && self.engine != '{Engine.HTTP}')", _SCRIPT),
            (
                "!has(self.script) || !(has(self.requests) || has(self.flows) || has(self.data) || "
                "has(self.requestTimeout))",
                "requests, flows, data and requestTimeout belong to the engine Http: the script says what is sent",
            ),
            (
                "!has(self.script) || !(has(self.profile.rate) || has(self.profile.maxInFlight))",
                "rate and maxInFlight belong to the engine Http: give users, or leave it to the script's own options",
            ),
            ("has(self.script) || has(self.profile.rate) || has(self.profile.users)", _MODEL),
        )
    }

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All requests, those of flows included, in the order in which they are reported; none of a script."""
        if self.script:
            return ()
        if self.flows:
            return tuple(step for flow in self.flows for step in flow.steps)
        return tuple(self.requests or [Request()])

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the requests, in their order; of a script those that thresholds name, as only it knows the rest."""
        if self.script:
            return tuple(dict.fromkeys(name for each in self.thresholds for name in named_requests(each.expr)))
        return tuple(exchange.label for exchange in self.exchanges)

    @property
    def secrets(self) -> dict[tuple[str, str], str]:
        """Environment variables in which workers find the Secrets' values, by name and key of each Secret."""
        found = [
            (header.value_from.secret_key_ref.name, header.value_from.secret_key_ref.key)
            for exchange in self.exchanges
            for header in exchange.headers
            if header.value_from
        ]
        return {source: f"SEATRIAL_SECRET_{number}" for number, source in enumerate(dict.fromkeys(found))}

    @model_validator(mode="after")
    def _work_for_each_worker(self) -> Self:
        if self.requests and self.flows:
            raise ValueError("give one of requests and flows")
        if (self.script is None) != (self.engine is Engine.HTTP):
            raise ValueError(_SCRIPT)
        if self.script is None and self.profile.rate is None and self.profile.users is None:
            raise ValueError(f"profile: {_MODEL}")
        if (self.profile.rate or self.profile.users or self.workers) < self.workers:
            raise ValueError("fewer requests per second (or users) than workers: lower workers")
        return self
