"""Load: requests, the profile at which they are sent, and the thresholds that judge the result."""

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Expression, Model, list_map, rules, unique
from seatrial.api.connections import Connections
from seatrial.api.container import Resources
from seatrial.api.duration import Duration, seconds
from seatrial.api.exchange import Data, Exchange, Flow, Request
from seatrial.api.observe import Observe
from seatrial.api.placement import Placement
from seatrial.api.profile import HIGHEST_RATE, MOST_USERS, ONE_MODEL, Profile
from seatrial.api.request_name import named_requests
from seatrial.api.script import Engine, Script
from seatrial.api.tls import TargetTls

MOST_WORKERS = 100

_PER_WORKER = frozenset({"ratePerWorker", "usersPerWorker", "rate_per_worker", "users_per_worker"})
_ONE_NUMBER = "give one of workers and ratePerWorker (or usersPerWorker): the other follows"
_RATE_PER_WORKER = "ratePerWorker belongs to the open model: give usersPerWorker"
_USERS_PER_WORKER = "usersPerWorker belongs to the closed model: give ratePerWorker"
_OPEN = "has(self.profile.rate) || has(self.profile.stages) && self.profile.stages.exists(stage, has(stage.rate))"
_SCRIPT_TLS = "target.tls belongs to the engine Http: a script says itself how it speaks TLS"
_SCRIPT = "the engines K6 and Locust run a script, and Http does not: give engine and script together"
_GENERATORS = "(has(self.workers) ? self.workers : 1) * (has(self.cores) ? self.cores : 1)"
_LEVEL = "(has(s.rate) ? s.rate : has(s.users) ? s.users : 0)"
_ENOUGH = "fewer requests per second (or users) than workers and their cores: lower them"
_CLOSED = "has(self.profile.users) || has(self.profile.stages) && self.profile.stages.exists(stage, has(stage.users))"
_ITERATIONS = "fewer iterations than workers and their cores: lower them"


class Target(Model):
    """Where the load goes: a port of a Service in the same namespace."""

    service: DnsName = Field(description="Name of the Service.")
    port: str | None = Field(None, max_length=15, description="Name of its port; may be left out if there is only one.")
    tls: TargetTls | None = Field(
        None,
        description="Speaks TLS, with the service's certificate verified. Default: no TLS. Write {} for all of it.",
    )


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
    connections: Connections = Field(Connections(), description="How workers use connections.")
    given_workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] | None = Field(
        None,
        alias="workers",
        description="Worker pods among which the load is divided evenly. Default: as many as ratePerWorker or "
        "usersPerWorker make it, else 1.",
    )
    rate_per_worker: Annotated[int, Field(ge=1, le=HIGHEST_RATE)] | None = Field(
        None,
        description="Open model: the most requests per second that each worker sends. So many workers start that the "
        "highest rate of the profile is reached, 100 at most; status.result.workers has their number. In the place of "
        "workers.",
    )
    users_per_worker: Annotated[int, Field(ge=1, le=MOST_USERS)] | None = Field(
        None, description="Closed model: the most users of each worker, likewise."
    )
    cores: Annotated[int, Field(ge=1, le=16)] = Field(
        1,
        description="Cores that each worker uses at most: it is a process on each, which takes its share as if it were "
        "a worker of its own. Default 1.",
    )
    resources: Resources | None = Field(
        None,
        description="CPU and memory of each worker. Default: 100m of CPU for each of its cores and 64Mi requested, a "
        "memory limit of 512Mi and no CPU limit; with several cores 32Mi more and a limit 128Mi higher for each "
        "after the first, and a CPU limit of as many cores. With a script 128Mi, and a limit of 1Gi.",
    )
    placement: Placement | None = Field(
        None, description="Where workers run, as far as the platform team allows it. Default: wherever there is room."
    )
    observe: Annotated[list[Observe], unique("name")] = Field(
        [],
        max_length=5,
        description="Pods whose CPU and memory are sampled every 10s through the metrics API while load goes on, and "
        "whose restarts are counted. A threshold on target.… observes the target without being told. Default: none.",
        json_schema_extra=list_map("name"),
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
                f"has(self.profile.stages) && self.profile.stages.exists(s, {_LEVEL} >= {_GENERATORS}) || "
                "(has(self.profile.rate) ? self.profile.rate : has(self.profile.users) ? self.profile.users : "
                f"has(self.profile.stages) ? 0 : {_GENERATORS}) >= {_GENERATORS}",
                _ENOUGH,
            ),
            (f"!has(self.profile.iterations) || self.profile.iterations >= {_GENERATORS}", _ITERATIONS),
            (
                "!has(self.workers) || !has(self.ratePerWorker) && !has(self.usersPerWorker)",
                _ONE_NUMBER,
            ),
            (f"!has(self.ratePerWorker) || {_OPEN}", _RATE_PER_WORKER),
            (
                f"!has(self.usersPerWorker) || {_CLOSED}",
                _USERS_PER_WORKER,
            ),
            (
                "!has(self.requests) || !has(self.flows) || self.requests.size() == 0 || self.flows.size() == 0",
                "give one of requests and flows",
            ),
            (f"has(self.script) == (has(self.engine) && self.engine != '{Engine.HTTP}')", _SCRIPT),
            (
                "!has(self.script) || !(has(self.requests) || has(self.flows) || has(self.data) || "
                "has(self.requestTimeout) || has(self.connections) || has(self.cores))",
                "requests, flows, data, requestTimeout, connections and cores belong to the engine Http: the script "
                "says what is sent",
            ),
            (
                "!has(self.script) || !has(self.target.tls)",
                _SCRIPT_TLS,
            ),
            (
                "!has(self.script) || !(has(self.profile.rate) || has(self.profile.maxInFlight) || "
                "has(self.profile.arrivals) || has(self.profile.iterations))",
                "rate, arrivals, maxInFlight and iterations belong to the engine Http: give users, or leave it to the "
                "script's own options",
            ),
            (
                "has(self.script) || has(self.profile.rate) || has(self.profile.users) || has(self.profile.stages)",
                ONE_MODEL,
            ),
        )
    }

    @property
    def workers(self) -> int:
        """Worker pods among which the load is divided."""
        each = self.rate_per_worker or self.users_per_worker
        return max(-(-self.profile.peak // each), 1) if each else self.given_workers or 1

    @property
    def ending(self) -> timedelta:
        """Time that the unanswered are given at the end."""
        graceful = self.profile.graceful_stop
        return self.request_timeout if graceful is None else graceful

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

    @model_validator(mode="before")
    @classmethod
    def _one_worker_is_the_default(cls, given: Any) -> Any:
        """Has the default written out mean the same as left out, also in the hash that says what is run."""
        derived = isinstance(given, dict) and not given.keys().isdisjoint(_PER_WORKER)
        if isinstance(given, dict) and given.get("workers") == 1 and not derived:
            return {name: value for name, value in given.items() if name != "workers"}
        return given

    @model_validator(mode="after")
    def _as_many_workers_as_asked_for(self) -> Self:
        if self.given_workers and (self.rate_per_worker or self.users_per_worker):
            raise ValueError(_ONE_NUMBER)
        if self.rate_per_worker and not self.profile.open:
            raise ValueError(_RATE_PER_WORKER)
        if self.users_per_worker and (self.profile.open or not self.profile.peak):
            raise ValueError(_USERS_PER_WORKER)
        if self.workers > MOST_WORKERS:
            name = "ratePerWorker" if self.rate_per_worker else "usersPerWorker"
            least = -(-self.profile.peak // MOST_WORKERS)
            raise ValueError(f"{self.workers} workers, but there are at most {MOST_WORKERS}: raise {name} to {least}")
        return self

    @model_validator(mode="after")
    def _work_for_each_worker(self) -> Self:
        if self.requests and self.flows:
            raise ValueError("give one of requests and flows")
        if (self.script is None) != (self.engine is Engine.HTTP):
            raise ValueError(_SCRIPT)
        if self.script is not None and self.target.tls is not None:
            raise ValueError(_SCRIPT_TLS)
        if self.script is None and self.profile.scripted:
            raise ValueError(f"profile: {ONE_MODEL}")
        if not self.profile.scripted and self.profile.peak < self.workers * self.cores:
            raise ValueError(_ENOUGH)
        if self.profile.iterations is not None and self.profile.iterations < self.workers * self.cores:
            raise ValueError(_ITERATIONS)
        return self
