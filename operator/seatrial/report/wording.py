"""How single values are worded: states, times, rates."""

from datetime import datetime, timedelta

from seatrial.api import duration
from seatrial.api.status import (
    Condition,
    GeneratorResult,
    LoadResult,
    MetricComparison,
    ResourceUse,
    ServiceState,
    ServiceStatus,
    StepState,
    StepStatus,
    ThresholdResult,
    ThresholdState,
    Timestamped,
    TrialStatus,
    Verdict,
)
from seatrial.api.timestamp import moment
from seatrial.report.line import Span, Tone

State = ServiceState | StepState | ThresholdState | Verdict

#: By the word itself: where states of services, steps, thresholds and runs share a word, they share its meaning.
_TONES = {
    "Pending": Tone.QUIET,
    "Skipped": Tone.QUIET,
    "Starting": Tone.BUSY,
    "Started": Tone.BUSY,
    "Running": Tone.BUSY,
    "Healthy": Tone.GOOD,
    "Completed": Tone.GOOD,
    "Succeeded": Tone.GOOD,
    "Passed": Tone.GOOD,
    "Cancelled": Tone.DOUBTFUL,
    "Inconclusive": Tone.DOUBTFUL,
    "NoData": Tone.DOUBTFUL,
    "Unhealthy": Tone.BAD,
    "Error": Tone.BAD,
    "Failed": Tone.BAD,
    "TimedOut": Tone.BAD,
}


def worded(state: State) -> Span:
    """The state's own word, in its tone."""
    return Span(state.value, tone_of(state))


def tone_of(state: State) -> Tone:
    """What a state means for the reader."""
    return _TONES[state.value]


def condition(status: TrialStatus, kind: str) -> Condition | None:
    """The condition of that type, if there is one."""
    return next((entry for entry in status.conditions if entry.type == kind), None)


def is_true(found: Condition | None) -> bool:
    """Whether there is such a condition and it holds."""
    return found is not None and found.status == "True"


def took(thing: Timestamped, now: datetime | None = None) -> str:
    """How long something took, or has taken until now; empty if that is not known."""
    return between(thing.started_at, thing.finished_at, now)


def healthy_after(service: ServiceStatus, now: datetime | None = None) -> str:
    """How long a service took, or has taken until now, to become healthy; empty if that is not known."""
    return between(service.started_at, service.healthy_at, now)


def between(start: str | None, end: str | None, now: datetime | None = None) -> str:
    """The time from one stamp to another, or to now; empty if one is missing. Clocks that disagree give 0s."""
    last = moment(end) if end else now
    if not start or last is None:
        return ""
    return duration.text(max(last - moment(start), timedelta()))


def elapsed(start: str | None, end: str | None, now: datetime) -> str:
    """As between, in whole seconds while there is no end: tenths that jump about tell nothing."""
    if end or not start:
        return between(start, end)
    return duration.text(timedelta(seconds=max(0, int((now - moment(start)).total_seconds()))))


def because(reason: str, message: str) -> str:
    """A reason with its message, either of which may be empty."""
    return f"{reason}: {message}" if reason and message else reason or message


def attempts(step: StepStatus) -> str:
    """The number of attempts, where there was more than one, and whether the step is flaky."""
    count = f"{step.attempts} attempts" if step.attempts > 1 else ""
    return f"flaky: {count}" if step.flaky else count


def optional(step: StepStatus) -> str:
    """That a step is optional, where that matters: it did not succeed."""
    return "optional" if step.optional and tone_of(step.state) is Tone.BAD else ""


def combination(step: StepStatus) -> str:
    """Which combination of its matrix a step is: quantity=1 sku=A1. The number in its name tells nobody."""
    return " ".join(f"{axis}={value}" for axis, value in step.matrix.items())


def percent(fraction: float) -> str:
    """A fraction as a percentage with as many digits as it needs: 0 %, 0.0012 %, 1.5 %."""
    return f"{fraction * 100:.2g} %" if fraction < 0.1 else f"{fraction * 100:.1f} %"


def rate(result: LoadResult) -> str:
    """The achieved rate, and the requested one where the model is open."""
    if result.flow_rate is not None:
        of = f" of {result.requested_rate:,g}" if result.requested_rate else ""
        return f"{result.achieved_rate:,.1f}/s in {result.flow_rate:,.1f}{of} flows/s"
    of = f" of {result.requested_rate:,g}/s" if result.requested_rate else ""
    return f"{result.achieved_rate:,.1f}/s{of}"


def since(threshold: ThresholdResult) -> str:
    """Since when a threshold has been false."""
    return "" if threshold.crossed_at is None else f"false since second {threshold.crossed_at:g}"


def use(one: ResourceUse) -> str:
    """What observed pods used."""
    parts = []
    if one.cpu_max is not None:
        parts.append(f"CPU {one.cpu_max:.3g} of a core at most, {one.cpu_mean:.3g} in the mean")
    if one.memory_max is not None:
        parts.append(f"memory {one.memory_max / 2**20:,.0f} MiB at most")
    if one.restarts is not None:
        kills = f" ({one.oom_kills} out of memory)" if one.oom_kills else ""
        parts.append(f"{one.restarts} restarts{kills}")
    return "; ".join([", ".join(parts), one.message] if parts and one.message else [", ".join(parts) or one.message])


def worse(one: MetricComparison) -> str:
    """By how much a metric has changed."""
    least = "" if one.least_percent is None else f", at least {one.least_percent:+.3g} %"
    return f"{one.change_percent:+.3g} %{least}"


def generator(result: GeneratorResult) -> str:
    """How the load generator itself did."""
    parts = [f"CPU up to {percent(result.cpu_max)}", f"held up by {result.loop_lag_max_milliseconds:.3g} ms at most"]
    if result.lag_max_milliseconds:
        parts.append(f"p99 of starts {result.lag_p99_milliseconds:.3g} ms late")
    if result.throttled_seconds:
        parts.append(f"throttled for {result.throttled_seconds:.3g} s")
    return ", ".join(parts)


def live_numbers(result: LoadResult) -> str:
    """The load in one line, while it goes on."""
    if not result.requests:
        return f"{result.workers_reporting} of {result.workers} workers report"
    numbers = [f"{result.requests:,} requests", rate(result), f"{percent(result.error_rate)} errors"]
    if result.latency:
        numbers.append(f"p99 {result.latency.p99}")
    return ", ".join(numbers)
