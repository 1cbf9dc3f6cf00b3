"""One worker's share of a load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from seatrial.api.exchange import Data, Flow, FlowStep, Request
from seatrial.api.load import LoadSpec
from seatrial.api.profile import ArrivalPattern
from seatrial.api.tls import TargetTls
from seatrial.load.ramp import Ramp


class AssignmentError(ValueError):
    """A worker's input is not usable; the message says what and how to mend it."""


@dataclass(frozen=True)
class Assignment:
    """What one generator does: a worker, or one of its cores. Times are in nanoseconds from its start.

    Attributes:
        index: Number of the generator, from 0. In what follows, and wherever load is generated, it is the worker.
        workers: Number of generators among which the load is divided.
        cores: Number of generators in this one's container.
        host: Name or address to connect to.
        port: Port to connect to.
        requests: What to send, in the proportion of their weights; empty if there are flows.
        flows: What users do, in the proportion of their weights. Requests with expressions are flows of one step.
        data: Values that requests are made of.
        secrets: Values of Secrets by their name and key.
        run: Name of the run.
        lasting: Whether a connection is used for more than one request.
        connect_timeout: Time in which a connection must be open.
        tls: How to speak TLS; None for not at all.
        ca: Certificate authorities in PEM, if it has any.
        open: Whether it is the open model.
        ramp: Open model: arrivals per second over all workers. They have one common schedule, of which this worker
            takes those with number mod workers = index. Closed model: users over all workers, shared out likewise.
        by_chance: Open model: whether arrivals come by chance, see ``schedule``.
        max_in_flight: Open model: requests of this worker that may be unanswered at a time.
        iterations: Turns of this worker that are measured, after which the load ends; 0 without such an end. In the
            open model with an even schedule it is in ``end``.
        warmup: End of the warm-up.
        end: End of the load.
        bound: Where iterations end the load, when it ends at the latest; 0 for ``end``.
        graceful: Time that what is not done at the end is given; None gives each request its timeout.
        timeout: Time in which a request must be answered.
    """

    index: int
    workers: int
    host: str
    port: int
    requests: tuple[Request, ...]
    open: bool
    ramp: Ramp
    max_in_flight: int
    warmup: int
    end: int
    timeout: int
    flows: tuple[Flow, ...] = ()
    data: tuple[Data, ...] = ()
    secrets: Mapping[tuple[str, str], str] = field(default_factory=dict)
    run: str = ""
    by_chance: bool = False
    cores: int = 1
    tls: TargetTls | None = None
    ca: str = ""
    lasting: bool = True
    connect_timeout: int | None = None
    iterations: int = 0
    bound: int = 0
    graceful: int | None = None

    @property
    def patience(self) -> int:
        """The shortest of the times after which something is given up."""
        return min(time for time in (self.timeout, self.connect_timeout, self.graceful) if time is not None)

    @property
    def server_name(self) -> str:
        """Name by which the service is known in TLS."""
        return (self.tls.server_name if self.tls else None) or self.host

    @property
    def cut(self) -> int:
        """When flows do not go on any more, and what is unanswered is given up if there is a time for that."""
        return (self.bound or self.end) + (self.graceful or 0)

    @property
    def reported(self) -> int:
        """Requests that have results of their own."""
        return sum(len(flow.steps) for flow in self.flows) or len(self.requests)

    @property
    def host_header(self) -> str:
        """Value of the Host header (RFC 9110, 7.2)."""
        name = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


def assignment(
    spec: LoadSpec,
    *,
    host: str,
    port: int,
    index: int,
    core: int = 0,
    run: str = "",
    secrets: Mapping[tuple[str, str], str] | None = None,
    ca: str = "",
) -> Assignment:
    """Returns one generator's share; the shares of all of them add up to the spec exactly.

    Args:
        spec: The whole load.
        host: Name or address to connect to.
        port: Port to connect to.
        index: Number of the worker, from 0.
        core: Number of its core, from 0.
        run: Name of the run.
        secrets: Values of Secrets by their name and key.
        ca: Certificate authorities in PEM, if the spec has any.

    Raises:
        AssignmentError: There is no such worker.
    """
    if not 0 <= index < spec.workers:
        raise AssignmentError(f"worker {index} of {spec.workers}: the index must be from 0 to {spec.workers - 1}")
    # Neighbours in the schedule are of different workers, so that these are as equal as they can be.
    workers, index = spec.workers * spec.cores, index + core * spec.workers
    profile, connect = spec.profile, spec.connections.connect_timeout
    requests = tuple(spec.requests) or (Request(),)
    flows = tuple(spec.flows) or (() if all(request.plain for request in requests) else _single(requests))
    ramp, warmup, bound = Ramp.of(profile), _nanoseconds(profile.warmup), _nanoseconds(profile.length)
    by_chance = profile.arrivals is ArrivalPattern.POISSON
    iterations, end = profile.iterations or 0, bound
    if iterations and profile.open and not by_chance:
        # All workers end together, when the next one would be due.
        end = min(end, ramp.arrival(ramp.count(warmup) + iterations))
        iterations = 0
    return Assignment(
        index=index,
        workers=workers,
        cores=spec.cores,
        host=host,
        port=port,
        requests=() if flows else requests,
        open=profile.open,
        ramp=ramp,
        # A worker that may have nothing unanswered could send nothing: each has at least one.
        max_in_flight=max(_share(profile.in_flight_limit, workers, index), 1) if profile.open else 0,
        iterations=_share(iterations, workers, index),
        warmup=warmup,
        end=end,
        bound=bound if end < bound else 0,
        graceful=None if profile.graceful_stop is None else _nanoseconds(profile.graceful_stop),
        timeout=_nanoseconds(spec.request_timeout),
        flows=flows,
        data=tuple(spec.data),
        secrets=secrets or {},
        run=run,
        by_chance=by_chance,
        tls=spec.target.tls,
        ca=ca,
        lasting=spec.connections.keep_alive,
        connect_timeout=None if connect is None else _nanoseconds(connect),
    )


def assignments(spec: LoadSpec, *, host: str, port: int) -> list[Assignment]:
    """Returns the shares of all generators, by index."""
    return [
        assignment(spec, host=host, port=port, index=index, core=core)
        for core in range(spec.cores)
        for index in range(spec.workers)
    ]


def _single(requests: tuple[Request, ...]) -> tuple[Flow, ...]:
    return tuple(
        Flow(
            name=f"request-{number}",
            weight=request.weight,
            steps=[FlowStep.model_validate(request.model_dump(exclude={"weight"}))],
        )
        for number, request in enumerate(requests)
    )


def _share(total: int, workers: int, index: int) -> int:
    return total // workers + (index < total % workers)


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000
