"""The plan of a LoadTest: workers up, results merged, thresholds judged, workers away."""

from dataclasses import replace
from datetime import datetime, timedelta

from seatrial.api import names
from seatrial.api.control import Stop
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import Outcome, shortened
from seatrial.api.status import LoadTestStatus, Phase, QueueStatus, RunStatus, StepState, Verdict
from seatrial.api.timestamp import moment, stamp
from seatrial.plan import barrier, teardown
from seatrial.plan.baseline import chosen, compared, wanted
from seatrial.plan.conditions import CONDITION_BYTES, conditions
from seatrial.plan.control import (
    STOPPED,
    TOTAL_TIMEOUT,
    hold,
    interrupted,
    marked,
    next_time,
    steered,
    stopped,
    stopping,
    total_end,
    wish,
)
from seatrial.plan.decision import (
    Action,
    Activities,
    AddFinalizer,
    Decision,
    StartLoad,
    StopLoad,
    StopWorkloads,
    earliest,
)
from seatrial.plan.load import being_read, judge_load, newly_aborted, present, stopping_ends, stops, waits_for
from seatrial.plan.observed import Observed
from seatrial.plan.pods import patience_ends
from seatrial.plan.quota import QUOTA, by_cluster, waited_out
from seatrial.plan.reports import reported
from seatrial.plan.retain import let_go, retained, retention_ends
from seatrial.plan.trial import Standing, Subject, announced, begun, judged, refused, remembered, retry_delay
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
    wished = wish(test, observed, now)
    standing = test.standing
    if standing is Standing.ACTIVE:
        decision = _continue(test, observed, now)
    elif wished.run is not None and test.spec is not None:
        decision = _begin(test, test.spec, wished.run, observed, now)
    else:
        decision = _rest(test, _refused(test) if standing is Standing.INVALID else test.status, observed)
    invalid = test.invalid if standing is Standing.INVALID else ""
    # First what is kept of the history: the reports of what is not must go.
    decision = replace(decision, status=steered(test, decision.status, wished))
    decision = reported(test.status, decision, observed, now, deleting=test.deleting)
    decision = waited_out(decision, observed, now)
    status = decision.status
    if status.run is not None or invalid:
        blocked = _blocker(status, test, observed, now)
        shown = conditions(status, now, invalid=invalid, blocked=blocked, suspended=test.suspended)
        status = status.model_copy(update={"conditions": shown})
    wake_at = earliest([decision.wake_at, next_time(status, now)])
    return replace(decision, status=status, announcements=announced(test.status, status, invalid), wake_at=wake_at)


def _refused(test: Load) -> LoadTestStatus:
    status = refused(test)
    return status.model_copy(update={"baseline": chosen(None, test.status)})


def _rest(test: Load, status: LoadTestStatus, observed: Observed) -> LoadDecision:
    """Lets go of a resource without a run, once workers that a crash may have left are gone too."""
    if observed.jobs:
        return Decision(status, (StopWorkloads(),))
    return Decision(status, () if observed.pods else test.letting_go)


def _begin(test: Load, spec: LoadTestSpec, run: RunStatus, observed: Observed, now: datetime) -> LoadDecision:
    baseline = chosen(spec, test.status)
    run = run.model_copy(update={"load_hash": spec.load_hash})
    held = hold(test, run, observed, now)
    if held is not None:
        status, wake_at = held
        if status is not test.status:
            status = status.model_copy(update={"baseline": baseline})
        # Room that an earlier run had is left while this one waits, but not before it is known that it must.
        return Decision(status) if observed.place.pending else replace(_rest(test, status, observed), wake_at=wake_at)
    if any(job.run not in {"", run.id} for job in observed.jobs.values()):
        return _rest(test, test.status, observed)  # of a run that a crash kept from going on record
    status = LoadTestStatus(
        observed_generation=test.generation,
        phase=Phase.RUNNING,
        reason="Starting",
        run=begun(run, now),
        result=present(spec, None, None, final=False),
        history=remembered(test.status),
        baseline=baseline,
    )
    first: tuple[Action, ...] = () if test.finalizer else (AddFinalizer(),)
    actions = (*first, StartLoad(STEP))
    started_by = earliest([now + spec.timeouts.start, total_end(replace(test, status=status, running=spec))])
    return Decision(status, actions, Activities(follows=frozenset({STEP})), started_by)


def _continue(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    status, spec = test.status, test.running
    if status.phase is Phase.TEARDOWN:
        return _tear_down(test, observed, now)
    if status.phase is Phase.RETAINED:
        return _keep(test, observed, now)
    if ended := interrupted(test, observed):
        return _end(test, observed, now, ended)
    if stop := stopping(test):
        if stop is Stop.IMMEDIATE:
            return _end(test, observed, now, STOPPED)
        test = replace(test, status=marked(status, stop))
        status = test.status
    if _refused_by_quota(status, observed):
        return _wait_for_quota(test, observed, now)
    if status.phase is Phase.QUEUED and status.run is not None:
        run = status.run.model_copy(update={"phase_since": stamp(now)})
        status = status.model_copy(update={"phase": Phase.RUNNING, "run": run, "queue": None})
        test = replace(test, status=status)
    if spec is None:
        lost = Judgement(Verdict.ERROR, "JobLost", "the Job with the workers, and with it the run's spec, is gone")
        return _end(test, observed, now, lost)
    before = status.result
    status, outcome = _outcome(status, spec, observed, now)
    result = present(spec, observed.loads.get(STEP), before, final=outcome is not None)
    status = status.model_copy(update={"result": result, "reason": "Running"})
    test = replace(test, status=status)
    if outcome is not None:
        judgement = Judgement(_VERDICTS[outcome.state], outcome.reason, outcome.message)
        return _end(test, observed, now, judgement)
    waiting = waits_for(STEP, spec, observed, now)
    late, ahead = _deadlines(test, spec, observed, now, waiting)
    if late is not None:
        return _end(test, observed, now, late)
    status = status.model_copy(update={"message": waiting})
    wake_at = earliest([*ahead, *patience_ends(observed.pods, now), *stopping_ends(STEP, result, observed, now)])
    actions = (*stops(STEP, before, observed), *barrier.begins(STEP, spec, observed, now))
    activities = Activities(follows=frozenset({STEP}), baseline=wanted(status.baseline, observed))
    return Decision(status, actions, activities, wake_at, urgent=newly_aborted(before, result))


def _deadlines(
    test: Load, spec: LoadTestSpec, observed: Observed, now: datetime, waiting: str
) -> tuple[Judgement | None, list[datetime]]:
    """Which time limit is over, if one is, and when the others will be."""
    run = test.status.run
    start_by = moment((run.phase_since if run else None) or "") + spec.timeouts.start
    begun_by = max([start_by, *barrier.moments(STEP, observed)])
    end_by = begun_by + spec.profile.length + spec.ending + timedelta(seconds=60)
    total = total_end(test)
    late = None
    # Workers wait for the operator, however long it was away.
    on_time = barrier.holds(STEP, spec, observed) or being_read(STEP, spec, observed)
    if now >= start_by and barrier.started(STEP, spec, observed, now) < spec.workers:
        late = Judgement(Verdict.TIMED_OUT, "StartTimeout", f"workers did not start: {waiting}")
    elif now >= end_by and not on_time:
        late = Judgement(Verdict.TIMED_OUT, "LoadTimeout", "workers did not report their end")
    elif total is not None and now >= total:
        late = TOTAL_TIMEOUT
    ahead = [end for end in (start_by, end_by, total) if end is not None and end > now]
    return late, [*ahead, *barrier.hearing_ends(STEP, observed, now)]


def _keep(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    """Leaves ended workers alone as long as they are to be looked into."""
    ends = retention_ends(test, observed, now, there=bool(observed.pods))
    if ends is not None:
        return Decision(test.status, wake_at=ends)
    return _tear_down(replace(test, status=let_go(test.status, now)), observed, now)


def _outcome(
    status: LoadTestStatus, spec: LoadTestSpec, observed: Observed, now: datetime
) -> tuple[LoadTestStatus, Outcome | None]:
    """What the load has come to, by itself and beside the run that it is compared with; None while it goes on."""
    outcome = judge_load(STEP, spec, observed, now, status.result)
    if outcome is None or outcome.state is not StepState.SUCCEEDED:
        return status, outcome
    # Only what is good otherwise is worth a comparison, and only a measurement that nothing speaks against.
    baseline, outcome = compared(spec, status.baseline, observed.loads[STEP], observed.baseline, outcome)
    return status.model_copy(update={"baseline": baseline}), outcome


def _refused_by_quota(status: LoadTestStatus, observed: Observed) -> bool:
    key, job = StartLoad(STEP).key, observed.jobs.get(STEP)
    if key in observed.held:
        return True
    if key in observed.refusals or observed.pods_of(STEP):
        return False
    return status.phase is Phase.QUEUED if job is None or job.failed else by_cluster(job.refusal)


def _wait_for_quota(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    """Waits until the namespace's quota has room for the Job and its pods; a restart of the operator tries at once."""
    status, spec = test.status, test.running
    assert status.run is not None  # noqa: S101 - only runs are refused
    since = status.run.started_at or ""
    held = observed.held.get(StartLoad(STEP).key)
    job = observed.jobs.get(STEP)
    said = held.message if held else job.refusal if job else ""
    message = shortened(said, CONDITION_BYTES) or status.message
    deadline = moment(since) + (spec.timeouts.queue if spec else timedelta())
    if now >= deadline:
        late = Judgement(Verdict.TIMED_OUT, "QueueTimeout", f"the namespace's quota had no room: {message}")
        return _end(test, observed, now, late)
    total = total_end(test)
    if total is not None and now >= total:
        return _end(test, observed, now, TOTAL_TIMEOUT)
    update = {"phase": Phase.QUEUED, "reason": QUOTA, "message": message, "queue": QueueStatus(since=since)}
    # A Job that is there makes its pods itself, until its own time limit.
    again: tuple[Action, ...] = ((StopLoad(STEP),) if job.failed else ()) if job else (StartLoad(STEP),)
    return Decision(status.model_copy(update=update), again, wake_at=earliest([deadline, total]))


def _end(test: Load, observed: Observed, now: datetime, judgement: Judgement) -> LoadDecision:
    """Records the verdict. Taking away begins in the next turn, when no crash can change the verdict any more."""
    status = judged(test.status, stopped(test.status, judgement), now)
    if not observed.jobs and not observed.pods:
        return _tear_down(replace(test, status=status), observed, now)
    look = f"kubectl -n {test.namespace} logs --prefix --tail 20 --selector {names.OWNER_UID}={test.uid}"
    status = retained(test, status, look if _all_ended(observed) else "", now)
    kept = replace(test, status=status) if status.phase is Phase.RETAINED else None
    return Decision(status, wake_at=retention_ends(kept, observed, now, there=True) if kept else None)


def _all_ended(observed: Observed) -> bool:
    """Whether no worker sends anything any more: one that runs on would be more load than was asked for."""
    seen = observed.loads.get(STEP)
    finished = seen.finished if seen else frozenset()
    running = [pod for pod in observed.pods if pod.exit_code is None and pod.index not in finished]
    return STEP in observed.jobs and bool(observed.pods) and not running


def _tear_down(test: Load, observed: Observed, now: datetime) -> LoadDecision:
    """Deletes the worker Job and waits until its pods are gone."""
    if observed.jobs or observed.pods:
        budget_ends = _budget_end(test.status, test)
        wake_at = budget_ends if now < budget_ends else now + retry_delay(now - budget_ends)
        look_at = earliest([wake_at, teardown.next_look(observed, now)])
        return Decision(test.status, (StopWorkloads(),) if observed.jobs else (), wake_at=look_at)
    return Decision(test.status.model_copy(update={"phase": Phase.DONE}))


def _budget_end(status: LoadTestStatus, test: Load) -> datetime:
    assert status.run is not None  # noqa: S101 - only runs are torn down
    budget = test.running.timeouts.teardown if test.running else timedelta()
    return moment(status.run.phase_since or "") + budget


def _blocker(status: LoadTestStatus, test: Load, observed: Observed, now: datetime) -> str:
    if status.phase is not Phase.TEARDOWN:
        return ""
    if found := teardown.blocker(observed, now):
        return found
    if now < _budget_end(status, test) or not observed.pods:
        return ""
    return f"pods are still there: {', '.join(sorted(pod.name for pod in observed.pods))}"
