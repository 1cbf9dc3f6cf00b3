"""What became of load: workers that must all have reported, thresholds on the merge, guards on the measurement."""

from datetime import datetime, timedelta

from seatrial.api.load import LoadSpec
from seatrial.api.observe import TARGET
from seatrial.api.outcome import Outcome
from seatrial.api.status import LoadResult, StepState, ThresholdResult, ThresholdState
from seatrial.plan import barrier
from seatrial.plan.decision import BeginLoad, StartLoad, StopLoad
from seatrial.plan.guards import doubts, exhausted
from seatrial.plan.observed import LoadSeen, Observed, PodSeen
from seatrial.plan.pods import trouble
from seatrial.plan.thresholds import judge_finally, judge_live, judge_thresholds

#: Time that the last lines of workers are given which were told to stop. Their result so far is known without them.
STOPPING = timedelta(seconds=10)

#: Exit codes by which a worker says that it cannot send what it was asked to, as no worker can; and those of a script
#: that did not come to its first request, or not to a good end.
WORKER_REFUSED = {2: "LoadRefused"}
SCRIPT_REFUSED = WORKER_REFUSED | {3: "ScriptInvalid", 4: "ScriptError"}


def present(spec: LoadSpec, seen: LoadSeen | None, before: LoadResult | None, *, final: bool) -> LoadResult:
    """The result to show in status.

    Args:
        spec: The load.
        seen: What workers have told this process, if any have.
        before: What was shown before; it stays until workers are heard again after a restart.
        final: Whether the load has ended.
    """
    heard = seen if seen is not None and seen.result.workers_reporting else None
    if not final:
        if heard is not None:
            return judge_live(spec, heard, before)
        if before is not None:
            return before
    shown = heard.result if heard is not None else before or LoadResult(workers=spec.workers)
    thresholds = judge_finally(spec, heard, before) if final else judge_thresholds(spec, {}, final=False)
    return shown.model_copy(
        update={"thresholds": thresholds, "aborted_at": before.aborted_at if before is not None else None}
    )


def stops(step: str, before: LoadResult | None, observed: Observed) -> tuple[StopLoad, ...]:
    """Ends the workers of a load that a threshold has ended, once that is on record.

    Args:
        step: Name of the step.
        before: The result as it is on record.
        observed: What was seen.
    """
    return (StopLoad(step),) if before is not None and before.aborted_at is not None and step in observed.jobs else ()


def stopping_ends(step: str, result: LoadResult | None, observed: Observed, now: datetime) -> list[datetime]:
    """When to look again at workers that were told to stop, or are to be."""
    if result is None or result.aborted_at is None:
        return []
    if step in observed.jobs:
        return [now + timedelta(milliseconds=10)]
    ends = [pod.deleting_since + STOPPING for pod in observed.pods_of(step) if pod.deleting_since]
    return [max(end, now + timedelta(milliseconds=10)) for end in ends]


def newly_aborted(before: LoadResult | None, after: LoadResult | None) -> bool:
    """Whether a threshold has just ended the load, which must be on record before anything is done about it."""
    return after is not None and after.aborted_at is not None and (before is None or before.aborted_at is None)


def being_read(step: str, spec: LoadSpec, observed: Observed) -> bool:
    """Whether all workers have ended and only their output remains to be read, which has its own time limit."""
    seen = observed.loads.get(step)
    ended = {pod.index for pod in observed.pods_of(step) if pod.exit_code is not None}
    return len(ended | (seen.finished if seen else frozenset())) >= spec.workers


def judge_load(
    step: str, spec: LoadSpec, observed: Observed, now: datetime, before: LoadResult | None = None
) -> Outcome | None:
    """Judges the load of a step or a LoadTest.

    Args:
        step: Name of the step, whose worker Job has been created.
        spec: The load.
        observed: What was seen.
        now: The present.
        before: The result as it is on record.

    Returns:
        Its outcome, or None while it goes on. All workers' last lines, or the reasons why they cannot come, are the
        evidence.
    """
    for key in (StartLoad(step).key, BeginLoad(step, (), "").key):
        if refusal := observed.refusals.get(key):
            return Outcome(StepState.ERROR, observed.refusal_reason(key), refusal)
    if StartLoad(step).key in observed.held:
        return None
    seen = observed.loads.get(step)
    finished = seen.finished if seen else frozenset()
    if before is not None and before.aborted_at is not None:
        return _judge_aborted(step, observed, now, before)
    if seen and len(finished) == spec.workers:
        # A restart of the target in the last seconds counts as well.
        return None if seen.sampling else _judge_result(spec, seen, before)
    pods = observed.pods_of(step)
    wrong = trouble(pods, now)
    if wrong and wrong.final:
        return Outcome(StepState.ERROR, wrong.reason, wrong.message)
    refusals = SCRIPT_REFUSED if spec.script else WORKER_REFUSED
    refused = next((pod for pod in pods if pod.exit_code in refusals), None)
    if refused and refused.exit_code:
        message = refused.waiting_message or "its worker refuses this load"
        return Outcome(StepState.ERROR, refusals[refused.exit_code], message)
    return _lost(step, spec, observed, now)


def _lost(step: str, spec: LoadSpec, observed: Observed, now: datetime) -> Outcome | None:
    """Says whether the rest of the result cannot come any more."""
    seen, pods, job = observed.loads.get(step), observed.pods_of(step), observed.jobs.get(step)
    finished = seen.finished if seen else frozenset()
    lost = [
        (pod.ended_at or now, pod.index, _why_lost(pod))
        for pod in pods
        if pod.index is not None and pod.index not in finished and (pod.exit_code or pod.disruption)
    ]
    if seen:
        lost += [(now, index, why) for index, why in seen.unreadable.items() if index not in finished]
    if lost:
        _, index, why = min(lost)  # the first: the others end because their Job has failed
        message = f"worker {index} was lost ({why}); its requests are missing from the result"
        return Outcome(StepState.INCONCLUSIVE, "WorkerLost", message)
    if job is None:
        return Outcome(StepState.ERROR, "JobLost", "the Job with its workers was deleted by somebody else")
    if job.failed and not pods:
        return Outcome(StepState.ERROR, job.reason or "JobFailed", job.message or "the Job with its workers failed")
    # Whoever has been heard had a pod; the rest may yet get one, unless their Job is over.
    had = frozenset(range(spec.workers)) if job.complete else seen.ready if seen else frozenset()
    gone = sorted(had - finished - {pod.index for pod in pods})
    if gone:
        message = f"the pod of worker {gone[0]} is gone; its requests are missing from the result"
        return Outcome(StepState.INCONCLUSIVE, "WorkerLost", message)
    return None


def _why_lost(pod: PodSeen) -> str:
    if pod.disruption:
        return pod.disruption
    if pod.deleting_since:
        return "its pod was deleted"
    return pod.ended_reason or f"exit code {pod.exit_code}"


def waits_for(step: str, spec: LoadSpec, observed: Observed, now: datetime) -> str:
    """Says what load that has not ended is doing."""
    if held := observed.held.get(StartLoad(step).key):
        return held.message
    job = observed.jobs.get(step)
    if job and job.refusal:
        return job.refusal
    wrong = trouble(observed.pods_of(step), now)
    if wrong:
        return wrong.message
    if ahead := barrier.waits_for(step, spec, observed):
        return ahead
    seen = observed.loads.get(step)
    reporting = seen.result.workers_reporting if seen else 0
    return "" if reporting == spec.workers else f"{reporting} of {spec.workers} workers report"


def _judge_aborted(step: str, observed: Observed, now: datetime, before: LoadResult) -> Outcome | None:
    """Waits for the last lines of workers that were told to stop, as long as they can come."""
    seen, pods = observed.loads.get(step), observed.pods_of(step)
    told = (seen.finished | seen.interrupted | frozenset(seen.unreadable)) if seen else frozenset()
    awaited = [
        pod
        for pod in pods
        if pod.index not in told and (pod.deleting_since is None or now < pod.deleting_since + STOPPING)
    ]
    if step in observed.jobs or awaited:
        return None
    missed = [one for one in before.thresholds if one.state is ThresholdState.FAILED]
    return Outcome(StepState.FAILED, "ThresholdMissed", f"aborted at {before.aborted_at:g}s: {_said(missed)}")


def _said(missed: list[ThresholdResult]) -> str:
    more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
    return f"{missed[0].expr} is false: {missed[0].value}{more}"


def _judge_result(spec: LoadSpec, seen: LoadSeen, before: LoadResult | None) -> Outcome:
    """Judges the whole result: what the service did wrong comes before doubts about the measurement."""
    result = seen.result
    if doubt := exhausted(result):
        return doubt
    thresholds = judge_finally(spec, seen, before)
    missed = [threshold for threshold in thresholds if threshold.state is ThresholdState.FAILED]
    if missed:
        return Outcome(StepState.FAILED, "ThresholdMissed", _said(missed))
    for worker, complaint in sorted(seen.complaints.items()):
        return Outcome(StepState.FAILED, "ScriptFailed", f"worker {worker}: {complaint}")
    if result.requests == 0:
        return Outcome(StepState.INCONCLUSIVE, "NoData", "no request ended while load was measured")
    if result.latency is None or result.errors == result.requests:
        kinds = ", ".join(f"{error.kind}: {error.count}" for error in result.errors_by_kind)
        return Outcome(StepState.FAILED, "NoSuccess", f"none of {result.requests} requests succeeded ({kinds})")
    if seen.exceptions:
        message = (
            f"{seen.exceptions} iterations ended with an exception, so it is not known what they did: {seen.exception}"
        )
        return Outcome(StepState.ERROR, "ScriptException", message)
    for doubt in doubts(spec, result, seen.values):
        return doubt
    unjudged = next((threshold for threshold in thresholds if threshold.state is ThresholdState.NO_DATA), None)
    if unjudged:
        message = f"nothing was measured that {unjudged.expr} could judge"
        why = next((use.message for use in result.resource_use if use.name == TARGET and use.message), "")
        told = f"{message}: {why}" if why and f"{TARGET}." in unjudged.expr else message
        return Outcome(StepState.INCONCLUSIVE, "NoData", told)
    return Outcome(StepState.SUCCEEDED, "ThresholdsMet" if thresholds else "Completed", f"{result.requests} requests")
