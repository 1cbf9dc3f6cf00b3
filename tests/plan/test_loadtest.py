"""A LoadTest's way: workers up, merged, judged, away."""

from typing import Any

import pytest

from seatrial.api.status import Phase, ThresholdState, Verdict
from seatrial.plan.decision import AddFinalizer, RemoveFinalizer, StartLoad, StopWorkloads
from seatrial.plan.loadtest import STEP
from seatrial.plan.observed import JobSeen
from tests.plan.situations import Trial, at, heard, load_test_spec, pod

JOBS = {STEP: JobSeen()}
WORKER = pod(STEP, index=0, running=True)
UP: dict[str, Any] = {"jobs": JOBS, "pods": (WORKER,)}
FAST = [{"expr": "latency.p99 < duration('250ms')"}]


def started(**spec: Any) -> Trial:
    trial = Trial(load_test_spec(**spec))
    trial.turn()
    return trial


def ended(**spec: Any) -> Trial:
    trial = started(**spec)
    trial.turn(1, **UP, loads={STEP: heard(1, 0)})
    assert trial.status.verdict is Verdict.PASSED
    return trial


def test_the_finalizer_is_on_before_the_workers() -> None:
    trial = Trial(load_test_spec(thresholds=FAST))
    first = trial.turn()
    assert first.actions == (AddFinalizer(), StartLoad(STEP))
    assert first.activities.follows == {STEP}
    assert first.wake_at == at(120)
    assert trial.status.result.thresholds[0].state is ThresholdState.PENDING


def test_the_whole_way_to_passed_and_to_nothing_left() -> None:
    trial = started(thresholds=FAST)
    going = trial.turn(1, **UP, loads={STEP: heard(1)})
    assert trial.phase() is Phase.RUNNING
    assert trial.status.result.requests == 1000
    assert going.wake_at == at(120)
    judged = trial.turn(10, **UP, loads={STEP: heard(1, 0)})
    assert judged.actions == ()  # the verdict is stored before the evidence is taken away
    assert (trial.status.phase, trial.status.verdict) == (Phase.TEARDOWN, Verdict.PASSED)
    assert trial.status.result.thresholds[0].state is ThresholdState.PASSED
    assert trial.turn(11, **UP).actions == (StopWorkloads(),)
    assert trial.turn(12, pods=(WORKER,)).actions == ()
    assert trial.turn(13).actions == ()
    assert trial.phase() is Phase.DONE
    assert trial.turn(14).actions == (RemoveFinalizer(),)


@pytest.mark.parametrize(
    ("outcome", "verdict", "reason"),
    [
        ({"loads": {STEP: heard(1, 0, errors=1000, latency=None)}}, Verdict.FAILED, "NoSuccess"),
        ({"loads": {STEP: heard(1, 0, achieved_rate=3.0)}}, Verdict.INCONCLUSIVE, "RateNotAchieved"),
        ({"pods": (pod(STEP, index=0, exit_code=1),)}, Verdict.INCONCLUSIVE, "WorkerLost"),
        ({"jobs": {}, "pods": ()}, Verdict.ERROR, "JobLost"),
        ({"refusals": {f"StartLoad/{STEP}": "no Service web"}}, Verdict.ERROR, "Refused"),
    ],
)
def test_every_end_has_its_verdict(outcome: dict[str, Any], verdict: Verdict, reason: str) -> None:
    trial = started()
    trial.turn(1, **{**UP, **outcome})
    assert (trial.status.verdict, trial.status.reason) == (verdict, reason)


def test_workers_that_do_not_start_are_timed_out() -> None:
    trial = started(timeouts={"start": "30s"})
    unschedulable = {"jobs": JOBS, "pods": (pod(STEP, index=0, unschedulable="no nodes"),)}
    assert trial.turn(1, **unschedulable).wake_at == at(30)
    assert trial.status.message == "pod load-x1: no nodes"
    trial.turn(30, **unschedulable)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "StartTimeout")
    assert trial.status.message == "workers did not start: pod load-x1: no nodes"


def test_an_image_that_cannot_be_pulled_ends_it_early() -> None:
    trial = started()
    pulling = {"jobs": JOBS, "pods": (pod(STEP, index=0, waiting="ErrImagePull"),)}
    assert trial.turn(1, **pulling).wake_at == at(15)
    trial.turn(15, **pulling)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "ImagePullFailed")


def test_a_restart_in_the_middle_is_no_reason_to_time_out() -> None:
    trial = started(profile={"rate": 100, "duration": "10m"})
    trial.turn(60, **UP, loads={STEP: heard(1)})
    before = trial.status
    restarted = trial.turn(300, **UP)
    assert trial.status.verdict is None
    assert trial.status.result == before.result  # what was shown stays until it is read again
    assert restarted.activities.follows == {STEP}
    assert restarted.wake_at == at(120 + 600 + 10 + 60)


def test_load_that_ended_while_no_operator_was_there_is_read_before_it_is_judged() -> None:
    trial = started()
    over = {"jobs": {STEP: JobSeen(complete=True)}, "pods": (pod(STEP, index=0, exit_code=0),)}
    assert trial.turn(5000, **over).wake_at is None
    assert trial.status.verdict is None
    trial.turn(5001, **over, loads={STEP: heard(1, 0)})
    assert trial.status.verdict is Verdict.PASSED


def test_workers_that_do_not_end_are_timed_out() -> None:
    trial = started()
    assert trial.turn(120, **UP, loads={STEP: heard(1)}).wake_at == at(200)
    trial.turn(200, **UP, loads={STEP: heard(1)})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "LoadTimeout")


def test_an_edit_cancels_the_run_and_begins_anew() -> None:
    trial = started()
    trial.edited(load_test_spec(workers=2))
    trial.turn(1, **UP)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "SpecChanged")
    assert trial.turn(2, **UP).actions == (StopWorkloads(),)
    trial.turn(3)
    trial.change(running=trial.subject.spec)
    assert trial.turn(4).actions == (StartLoad(STEP),)
    assert trial.status.result.workers == 2
    assert [run.verdict for run in trial.status.history] == [Verdict.CANCELLED]


def test_deletion_takes_the_workers_away_before_it_lets_go() -> None:
    trial = started()
    trial.change(deleting=True, generation=2)
    trial.turn(1, **UP)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "Deleted")
    assert trial.turn(2, **UP).actions == (StopWorkloads(),)
    assert trial.turn(3, pods=(WORKER,)).actions == ()
    trial.turn(4)
    assert trial.turn(5).actions == (RemoveFinalizer(),)


def test_what_a_crash_before_the_first_status_write_left_is_taken_away() -> None:
    trial = Trial(load_test_spec())
    trial.change(deleting=True, finalizer=True)
    assert trial.turn(**UP).actions == (StopWorkloads(),)
    assert trial.turn(1, pods=(WORKER,)).actions == ()
    assert trial.turn(2).actions == (RemoveFinalizer(),)


def test_an_invalid_spec_stalls_and_a_mended_one_runs() -> None:
    trial = ended()
    trial.turn(2)
    trial.edited(None, invalid="spec.target.service: no")
    trial.change(running=None, finalizer=False)
    assert trial.turn(3).actions == ()
    assert trial.condition("Stalled").message == "spec.target.service: no"
    before = trial.status
    trial.turn(4)
    assert trial.status == before
    trial.edited(load_test_spec())
    trial.change(running=trial.subject.spec)
    assert trial.turn(5).actions == (AddFinalizer(), StartLoad(STEP))


def test_a_run_whose_spec_is_lost_ends() -> None:
    trial = started()
    trial.change(running=None)
    trial.turn(1)
    assert (trial.status.phase, trial.status.verdict, trial.status.reason) == (Phase.DONE, Verdict.ERROR, "JobLost")


def test_what_blocks_beyond_the_budget_is_named_and_looked_at_less_and_less_often() -> None:
    trial = ended(timeouts={"teardown": "30s"})
    stuck = (pod(STEP, index=0),)
    assert trial.turn(2, pods=stuck).wake_at == at(31)
    blocked = trial.turn(31, pods=stuck)
    assert trial.condition("TornDown").message == "pods are still there: load-x1"
    assert [said.reason for said in blocked.announcements] == ["Blocked"]
    assert blocked.wake_at == at(32)
    assert trial.turn(10_000, pods=stuck).wake_at == at(10_300)


def test_a_worker_that_does_not_end_is_named_long_before_the_budget_is_over() -> None:
    trial = ended(timeouts={"teardown": "5m"})
    stuck = (pod(STEP, index=0, deleting_since=at(7), node="n1"),)
    assert trial.turn(2, pods=stuck).wake_at == at(17)
    assert trial.condition("TornDown").reason == "InProgress"
    trial.turn(17, pods=stuck)
    assert trial.condition("TornDown").message == "pod load-x1 on node n1 should have ended at 12:00:07 UTC"


def test_workers_found_after_the_budget_are_no_hot_loop() -> None:
    trial = ended(timeouts={"teardown": "30s"})
    late = trial.turn(1000, **UP)
    assert late.actions == (StopWorkloads(),)
    assert late.wake_at is not None
    assert late.wake_at > at(1000)


def test_a_load_test_at_rest_is_left_alone() -> None:
    trial = ended()
    trial.turn(2)
    trial.change(finalizer=False)
    before = trial.status
    decision = trial.turn(3600)
    assert (decision.actions, decision.announcements, decision.wake_at) == ((), (), None)
    assert trial.status == before
