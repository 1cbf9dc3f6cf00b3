"""Guards: what must hold of the load generator for its numbers to say anything about the service."""

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.api.load import LoadSpec
from seatrial.api.outcome import Outcome
from seatrial.api.profile import ArrivalPattern
from seatrial.api.status import GeneratorResult, LoadResult, StepState
from seatrial.plan.thresholds import too_few

#: Share of the requested rate that must have been achieved for the result to say anything about that rate.
RATE_TOLERANCE = 0.95
#: Share of the measured time for which a worker may be out of CPU or late: single seconds happen on every machine.
DOUBTFUL_SHARE = 0.1
#: The same for being throttled, which the control group itself counts.
THROTTLED_SHARE = 0.05
#: 99th percentile of the schedule's lag, in milliseconds, beyond which requests come in bunches that nobody asked for.
#: It must be beyond that for certain: a single hiccup of the node is over one percent of a short load.
LAG_MILLISECONDS = 50.0
#: Share of the measured time in which not all workers may have sent, before it is less load than was asked for; and
#: milliseconds that no clock and no scheduler promises to be better than.
SKEW_SHARE = 0.05
SKEW_MILLISECONDS = 100.0
#: The same where each starts a tool at the common moment, which takes a while itself.
SCRIPT_SKEW_MILLISECONDS = 1000.0


def doubts(spec: LoadSpec, result: LoadResult, values: Mapping[str, Any]) -> Iterator[Outcome]:
    """Yields the reasons for which a result proves nothing, the likeliest cause first.

    Args:
        spec: The load.
        result: The whole result.
        values: Variables of the thresholds.
    """
    if result.generator is not None:
        yield from _saturated(result.generator, result.measured_seconds)
        yield from _apart(spec, result.generator, result.measured_seconds)
    achieved, what = (result.achieved_rate, "requests") if result.flow_rate is None else (result.flow_rate, "flows")
    requested = _requested(spec, result, achieved)
    if requested and achieved < RATE_TOLERANCE * requested:
        yield _inconclusive(
            "RateNotAchieved",
            f"achieved {achieved:.4g} of {requested:.4g} {what} per second "
            f"({result.dropped} dropped): add workers or raise maxInFlight",
        )
    if spec.script and result.flow_rate is not None:
        intended = result.flow_rate * result.measured_seconds + result.dropped
        if result.dropped > (1 - RATE_TOLERANCE) * intended:
            yield _inconclusive(
                "RateNotAchieved",
                f"{result.dropped} of {intended:.0f} iterations were dropped: give the script more maxVUs, or add "
                "workers",
            )
    wanted, done = spec.profile.iterations, result.iterations
    if wanted is not None and done is not None and done < wanted:
        remedy = "raise maxInFlight" if result.dropped else "give it more time (profile.duration)"
        yield _inconclusive("IterationsNotDone", f"{done} of {wanted} iterations were done: {remedy}")
    if shortage := too_few(spec, values):
        yield _inconclusive("TooFewSamples", shortage)


def exhausted(result: LoadResult) -> Outcome | None:
    """Says that requests failed for want of a port or file of the worker's own, not through the service's fault.

    They are in everything that thresholds judge, so this comes before them.
    """
    count = next((error.count for error in result.errors_by_kind if error.kind == "exhausted"), 0)
    if not count:
        return None
    return _inconclusive(
        "GeneratorExhausted",
        f"{count} requests had no connection because a worker had no port or file left: add workers, or keep "
        "connections (connections.keepAlive)",
    )


def _requested(spec: LoadSpec, result: LoadResult, achieved: float) -> float:
    """The rate that should have been achieved. Chance brings more arrivals than its mean, or fewer."""
    if spec.profile.arrivals is ArrivalPattern.POISSON and result.measured_seconds:
        return achieved + result.dropped / result.measured_seconds
    return result.requested_rate


def _saturated(generator: GeneratorResult, measured: float) -> Iterator[Outcome]:
    remedy = "add workers or cores, or give them more CPU (resources)"
    # A single second may be a start or a hiccup, however short the load.
    allowed = max(DOUBTFUL_SHARE * measured, 1.0)
    if generator.busy_seconds > allowed:
        yield _inconclusive(
            "GeneratorSaturated",
            f"a worker used over 90 % of its CPU in {generator.busy_seconds:.3g} of {measured:.3g} s: {remedy}",
        )
    if generator.throttled_seconds > THROTTLED_SHARE * measured:
        yield _inconclusive(
            "GeneratorSaturated",
            f"a worker was throttled for {generator.throttled_seconds:.3g} of {measured:.3g} s: {remedy}",
        )
    if generator.lag_p99_bound_milliseconds > LAG_MILLISECONDS:
        yield _inconclusive(
            "ScheduleLag",
            f"over 1 % of the requests started {generator.lag_p99_bound_milliseconds:.3g} ms late or more: {remedy}",
        )
    if generator.late_seconds > allowed:
        yield _inconclusive(
            "GeneratorSlow",
            f"a worker was held up in {generator.late_seconds:.3g} of {measured:.3g} s, by up to "
            f"{generator.loop_lag_max_milliseconds:.3g} ms: {remedy}, or nodes that are less busy",
        )


def _apart(spec: LoadSpec, generator: GeneratorResult, measured: float) -> Iterator[Outcome]:
    least = SCRIPT_SKEW_MILLISECONDS if spec.script else SKEW_MILLISECONDS
    if generator.start_skew_milliseconds > max(SKEW_SHARE * measured * 1000, least):
        yield _inconclusive(
            "StartSkew",
            f"workers began {generator.start_skew_milliseconds / 1000:.3g} s apart, in a load of {measured:.3g} s: "
            "measure for longer (profile.duration), or set the nodes' clocks and relieve their kubelets",
        )


def _inconclusive(reason: str, message: str) -> Outcome:
    return Outcome(StepState.INCONCLUSIVE, reason, message)
