"""What became of load: workers that must all have reported, thresholds on the merge, guards on the measurement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from seatrial.api.cel import EvaluationError, threshold_scope
from seatrial.api.duration import text
from seatrial.api.load import LoadSpec
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import LoadResult, StepState, ThresholdResult, ThresholdState
from seatrial.plan.decision import StartLoad
from seatrial.plan.observed import LoadSeen, Observed
from seatrial.plan.pods import trouble

#: Share of the requested rate that must have been achieved for the result to say anything about that rate.
RATE_TOLERANCE = 0.95

#: Exit code by which a worker says that it cannot send what it was asked to, as no worker can.
WORKER_REFUSED = 2


def judge_thresholds(spec: LoadSpec, values: Mapping[str, Any], *, final: bool) -> list[ThresholdResult]:
    """Judges every threshold on the merged result.

    Args:
        spec: The load.
        values: Variables of the expressions.
        final: Whether the load has ended; before that, results are what they would be now, marked Pending.
    """
    return [_judge_threshold(threshold.expr, values, final=final) for threshold in spec.thresholds]


def _judge_threshold(expression: str, values: Mapping[str, Any], *, final: bool) -> ThresholdResult:
    program = threshold_scope().compile(expression)
    shown = shortened(", ".join(f"{name} = {_shown(values[name])}" for name in program.reads if name in values))
    if not final:
        return ThresholdResult(expr=expression, state=ThresholdState.PENDING, value=shown)
    if any(name not in values for name in program.reads):
        return ThresholdResult(expr=expression, state=ThresholdState.NO_DATA, value=shown)
    try:
        holds = program.evaluate(values) is True
    except EvaluationError as error:
        return ThresholdResult(expr=expression, state=ThresholdState.NO_DATA, value=shortened(str(error)))
    return ThresholdResult(
        expr=expression, state=ThresholdState.PASSED if holds else ThresholdState.FAILED, value=shown
    )


def _shown(value: Any) -> str:
    if hasattr(value, "total_seconds"):
        return text(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def present(spec: LoadSpec, seen: LoadSeen | None, before: LoadResult | None, *, final: bool) -> LoadResult:
    """The result to show in status.

    Args:
        spec: The load.
        seen: What workers have told this process, if any have.
        before: What was shown before; it stays until workers are heard again after a restart.
        final: Whether the load has ended.
    """
    if seen is not None and seen.result.workers_reporting:
        return seen.result.model_copy(update={"thresholds": judge_thresholds(spec, seen.values, final=final)})
    if before is not None and not final:
        return before
    shown = before or LoadResult(workers=spec.workers)
    return shown.model_copy(update={"thresholds": judge_thresholds(spec, {}, final=final)})


def started(step: str, observed: Observed) -> int:
    """How many workers have started: after a restart pods tell before their output has been read again."""
    pods = observed.pods_of(step)
    seen = observed.loads.get(step)
    return max(
        len({pod.index for pod in pods if pod.running or pod.exit_code is not None}),
        seen.result.workers_reporting if seen else 0,
    )


def being_read(step: str, spec: LoadSpec, observed: Observed) -> bool:
    """Whether all workers have ended and only their output remains to be read, which has its own time limit."""
    seen = observed.loads.get(step)
    ended = {pod.index for pod in observed.pods_of(step) if pod.exit_code is not None}
    return len(ended | (seen.finished if seen else frozenset())) >= spec.workers


def judge_load(step: str, spec: LoadSpec, observed: Observed, now: datetime) -> Outcome | None:
    """Judges the load of a step or a LoadTest.

    Args:
        step: Name of the step, whose worker Job has been created.
        spec: The load.
        observed: What was seen.
        now: The present.

    Returns:
        Its outcome, or None while it goes on. All workers' last lines, or the reasons why they cannot come, are the
        evidence.
    """
    if refusal := observed.refusals.get(StartLoad(step).key):
        return Outcome(StepState.ERROR, observed.refusal_reason(StartLoad(step).key), refusal)
    seen = observed.loads.get(step)
    finished = seen.finished if seen else frozenset()
    if seen and len(finished) == spec.workers:
        return _judge_result(spec, seen)
    pods = observed.pods_of(step)
    wrong = trouble(pods, now)
    if wrong and wrong.final:
        return Outcome(StepState.ERROR, wrong.reason, wrong.message)
    refused = next((pod for pod in pods if pod.exit_code == WORKER_REFUSED), None)
    if refused:
        return Outcome(StepState.ERROR, "LoadRefused", refused.waiting_message or "its worker refuses this load")
    lost = {
        pod.index: pod.disruption or pod.ended_reason or f"exit code {pod.exit_code}"
        for pod in pods
        if pod.index is not None and pod.index not in finished and (pod.exit_code or pod.disruption)
    }
    if seen:
        lost |= {index: why for index, why in seen.unreadable.items() if index not in finished}
    if lost:
        index, why = sorted(lost.items())[0]
        message = f"worker {index} was lost ({why}); its requests are missing from the result"
        return Outcome(StepState.INCONCLUSIVE, "WorkerLost", message)
    job = observed.jobs.get(step)
    if job is None:
        return Outcome(StepState.ERROR, "JobLost", "the Job with its workers was deleted by somebody else")
    if job.failed and not pods:
        return Outcome(StepState.ERROR, job.reason or "JobFailed", job.message or "the Job with its workers failed")
    gone = sorted(set(range(spec.workers)) - finished - {pod.index for pod in pods})
    if job.complete and gone:
        message = f"the pod of worker {gone[0]} is gone; its requests are missing from the result"
        return Outcome(StepState.INCONCLUSIVE, "WorkerLost", message)
    return None


def waits_for(step: str, spec: LoadSpec, observed: Observed, now: datetime) -> str:
    """Says what load that has not ended is doing."""
    job = observed.jobs.get(step)
    if job and job.refusal:
        return job.refusal
    wrong = trouble(observed.pods_of(step), now)
    if wrong:
        return wrong.message
    seen = observed.loads.get(step)
    reporting = seen.result.workers_reporting if seen else 0
    return "" if reporting == spec.workers else f"{reporting} of {spec.workers} workers report"


def _judge_result(spec: LoadSpec, seen: LoadSeen) -> Outcome:
    """Judges the whole result: what the service did wrong comes before doubts about the measurement."""
    result = seen.result
    thresholds = judge_thresholds(spec, seen.values, final=True)
    missed = [threshold for threshold in thresholds if threshold.state is ThresholdState.FAILED]
    if missed:
        more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
        return Outcome(StepState.FAILED, "ThresholdMissed", f"{missed[0].expr} is false: {missed[0].value}{more}")
    if result.requests == 0:
        return Outcome(StepState.INCONCLUSIVE, "NoData", "no request ended while load was measured")
    if result.latency is None or result.errors == result.requests:
        kinds = ", ".join(f"{error.kind}: {error.count}" for error in result.errors_by_kind)
        return Outcome(StepState.FAILED, "NoSuccess", f"none of {result.requests} requests succeeded ({kinds})")
    unjudged = next((threshold for threshold in thresholds if threshold.state is ThresholdState.NO_DATA), None)
    if unjudged:
        return Outcome(StepState.INCONCLUSIVE, "NoData", f"nothing was measured that {unjudged.expr} could judge")
    if result.requested_rate and result.achieved_rate < RATE_TOLERANCE * result.requested_rate:
        message = (
            f"achieved {result.achieved_rate:.4g} of {result.requested_rate:.4g} requests per second "
            f"({result.dropped} dropped): add workers or raise maxInFlight"
        )
        return Outcome(StepState.INCONCLUSIVE, "RateNotAchieved", message)
    return Outcome(StepState.SUCCEEDED, "ThresholdsMet" if thresholds else "Completed", f"{result.requests} requests")
