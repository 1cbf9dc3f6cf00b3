"""The plan of a LoadTest: workers up, results merged, thresholds judged, workers away."""

from dataclasses import replace
from datetime import datetime, timedelta

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.status import LoadTestStatus, Phase, StepState, Verdict
from seatrial.api.timestamp import moment
from seatrial.plan.conditions import conditions
from seatrial.plan.decision import Action, Activities, AddFinalizer, Decision, StartLoad, StopWorkloads, earliest
from seatrial.plan.load import being_read, judge_load, present, started, waits_for
from seatrial.plan.observed import Observed
from seatrial.plan.pods import patience_ends
from seatrial.plan.reports import reported
from seatrial.plan.trial import Standing, Subject, announced, judged, new_run, refused, remembered, retry_delay
from seatrial.plan.verdict import Judgement

Load = Subject[LoadTestSpec, LoadTestStatus]
LoadDecision = Decision[LoadTestStatus]

#: What the one load of a LoadTest is called among observed loads and Jobs.
STEP = "load"

_VERDICTS = {
    StepState.SUCCEEDED: Verdict.PASSED,
    StepState.FAILED: Verdict.FAILED,
    StepState.ERROR: Verdict.ERROR,
    StepState.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}


def plan_loadtest(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    """Decides the next move. Pure: the same arguments always give the same decision.

    Args:
        test: The resource as it stands.
        observed: What was seen of its run.
        now: The present.
    """
    standing = test.standing
    if standing is Standing.ACTIVE:
        decision = _continue(test, observed, now)
    elif standing is Standing.NEW and test.spec is not None:
        decision = _begin(test, test.spec, now)
    else:
        decision = _rest(test, refused(test) if standing is Standing.INVALID else test.status, observed)
    invalid = test.invalid if standing is Standing.INVALID else ""
    decision = reported(test.status, decision, observed, now, deleting=test.deleting)
    status = decision.status
    if status.run is not None or invalid:
        blocked = _blocker(status, test, observed, now)
        status = status.model_copy(update={"conditions": conditions(status, now, invalid=invalid, blocked=blocked)})
    return replace(decision, status=status, announcements=announced(test.status, status, invalid))


def _rest(test: Load, status: LoadTestStatus, observed: Observed) -> LoadDecision:
    """Lets go of a resource without a run, once workers that a crash may have left are gone too."""
    if observed.jobs:
        return Decision(status, (StopWorkloads(),))
    return Decision(status, () if observed.pods else test.letting_go)


def _begin(test: Load, spec: LoadTestSpec, now: datetime) -> LoadDecision:
    status = LoadTestStatus(
        observed_generation=test.generation,
        phase=Phase.RUNNING,
        reason="Starting",
        run=new_run(test.generation, now),
        result=present(spec, None, None, final=False),
        history=remembered(test.status),
    )
    first: tuple[Action, ...] = () if test.finalizer else (AddFinalizer(),)
    actions = (*first, StartLoad(STEP))
    return Decision(status, actions, Activities(follows=frozenset({STEP})), now + spec.timeouts.start)


def _continue(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    status, spec = test.status, test.running
    if status.phase is Phase.TEARDOWN:
        return _tear_down(test, observed, now)
    if test.superseded:
        return _end(test, observed, now, test.superseded)
    if spec is None:
        lost = Judgement(Verdict.ERROR, "JobLost", "the Job with the workers, and with it the run's spec, is gone")
        return _end(test, observed, now, lost)
    outcome = judge_load(STEP, spec, observed, now)
    seen = observed.loads.get(STEP)
    result = present(spec, seen, status.result, final=outcome is not None)
    status = status.model_copy(update={"result": result, "reason": "Running"})
    test = replace(test, status=status)
    if outcome is not None:
        judgement = Judgement(_VERDICTS[outcome.state], outcome.reason, outcome.message)
        return _end(test, observed, now, judgement)
    waiting = waits_for(STEP, spec, observed, now)
    began = moment((status.run.started_at if status.run else None) or "")
    start_by = began + spec.timeouts.start
    end_by = start_by + spec.profile.warmup + spec.profile.duration + spec.request_timeout + timedelta(seconds=60)
    if now >= start_by and started(STEP, observed) < spec.workers:
        return _end(
            test, observed, now, Judgement(Verdict.TIMED_OUT, "StartTimeout", f"workers did not start: {waiting}")
        )
    if now >= end_by and not being_read(STEP, spec, observed):
        return _end(
            test, observed, now, Judgement(Verdict.TIMED_OUT, "LoadTimeout", "workers did not report their end")
        )
    status = status.model_copy(update={"message": waiting})
    ahead = [moment for moment in (start_by, end_by) if moment > now]
    wake_at = earliest([*ahead, *patience_ends(observed.pods, now)])
    return Decision(status, (), Activities(follows=frozenset({STEP})), wake_at)


def _end(test: Load, observed: Observed, now: datetime, judgement: Judgement) -> LoadDecision:
    """Records the verdict. Taking away begins in the next turn, when no crash can change the verdict any more."""
    status = judged(test.status, judgement, now)
    if observed.jobs or observed.pods:
        return Decision(status)
    return _tear_down(replace(test, status=status), observed, now)


def _tear_down(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    """Deletes the worker Job and waits until its pods are gone."""
    if observed.jobs or observed.pods:
        budget_ends = _budget_end(test.status, test)
        wake_at = budget_ends if now < budget_ends else now + retry_delay(now - budget_ends)
        return Decision(test.status, (StopWorkloads(),) if observed.jobs else (), wake_at=wake_at)
    return Decision(test.status.model_copy(update={"phase": Phase.DONE}))


def _budget_end(status: LoadTestStatus, test: Load) -> datetime:
    assert status.run is not None  # noqa: S101 - only runs are torn down
    budget = test.running.timeouts.teardown if test.running else timedelta()
    return moment(status.run.phase_since or "") + budget


def _blocker(status: LoadTestStatus, test: Load, observed: Observed, now: datetime) -> str:
    if status.phase is not Phase.TEARDOWN or now < _budget_end(status, test) or not observed.pods:
        return ""
    return f"pods are still there: {', '.join(sorted(pod.name for pod in observed.pods))}"
