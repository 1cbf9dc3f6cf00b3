"""What is said beside what is run: waiting, stopping, suspending, keeping, scenarios after one another."""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import Phase, StepState, Verdict
from seatrial.plan.control import queue_entry
from seatrial.plan.decision import (
    AddFinalizer,
    DeleteNamespace,
    RemoveFinalizer,
    StartJob,
    StartLoad,
    StopAttempt,
    StopLoad,
    StopWorkloads,
)
from seatrial.plan.dependencies import ScenarioSeen
from seatrial.plan.observed import DeploymentSeen, Held, JobSeen, Observed
from seatrial.plan.queue import PENDING, Place
from tests.plan.situations import Trial, at, load_test_spec, pod, scenario_spec

UP: dict[str, Any] = {"deployments": {"web": DeploymentSeen(True, 1)}, "pods": (pod("web", running=True),)}
GET = {"name": "get", "http": {"service": "web"}}
NEXT = {"name": "next", "needs": [{"step": "get", "result": "Completed"}], "http": {"service": "web"}}
FAILED = Outcome(StepState.FAILED, "ExpectationFailed", "status is 500")
OK = Outcome(StepState.SUCCEEDED, "ExpectationsMet")
SECOND = Place(False, "ConcurrencyLimit", 1, "TestScenario first")
SPECS = [scenario_spec(steps=[GET, NEXT]), load_test_spec()]
BOTH = pytest.mark.parametrize("spec", SPECS, ids=["scenario", "load test"])


def steered(trial: Trial, **fields: Any) -> None:
    """The user changes fields that only steer."""
    spec: Any = trial.subject.spec
    trial.edited(type(spec).model_validate(spec.to_kubernetes() | fields))
    trial.change(running=trial.subject.spec)


def running(**spec: Any) -> Trial:
    """A scenario whose first step is under way."""
    trial = Trial(scenario_spec(**{"steps": [GET, NEXT]} | spec))
    trial.turn()
    trial.turn(1, **UP)
    assert trial.turn(2, **UP).activities.checks == {"get"}
    return trial


def failed(**spec: Any) -> Trial:
    trial = running(**{"steps": [GET]} | spec)
    trial.turn(3, **UP, outcomes={"get": FAILED})
    return trial


@pytest.mark.parametrize(
    "fields",
    [
        {"suspend": True},
        {"schedule": {"cron": "0 0 1 1 *"}},
        {"history": 3},
        {"retain": {"when": "OnFailure"}},
        {"concurrency": {"group": "db"}},
        {"timeouts": {"queue": "5m"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_an_edit_of_what_steers_ends_no_run_and_starts_none(fields: dict[str, Any]) -> None:
    trial = running()
    steered(trial, **fields)
    trial.turn(3, **UP)
    assert (trial.phase(), trial.status.run.id, trial.status.run.generation) == (Phase.RUNNING, "1", 2)
    assert trial.status.observed_generation == 2
    trial.turn(4, **UP, outcomes={"get": OK, "next": OK})
    trial.turn(5, **UP, outcomes={"get": OK, "next": OK})
    trial.turn(6, namespace=None)
    trial.turn(7)
    assert trial.status.verdict is Verdict.PASSED
    steered(trial, **fields | {"history": 2})
    assert AddFinalizer() not in trial.turn(8).actions
    assert (trial.status.run.id, trial.status.observed_generation) == ("1", 3)


@BOTH
def test_the_same_spec_written_otherwise_is_the_same_run(spec: Any) -> None:
    written = type(spec).model_validate(spec.to_kubernetes())
    assert written.spec_hash == spec.spec_hash
    assert spec.model_copy(update={"run": "again"}).spec_hash != spec.spec_hash


@BOTH
def test_who_is_admitted_at_once_is_never_seen_to_wait(spec: Any) -> None:
    trial = Trial(spec)
    assert trial.turn().actions[0] == AddFinalizer()
    assert trial.status.queue is None
    assert trial.condition("Queued").status == "False"


@BOTH
def test_who_waits_shows_its_place_and_does_nothing(spec: Any) -> None:
    trial = Trial(spec)
    assert trial.turn(place=PENDING).actions == ()
    assert trial.phase() is None
    waits = trial.turn(place=SECOND)
    assert waits.actions == ()
    assert waits.wake_at == at(3600)
    assert [said.reason for said in waits.announcements] == ["ConcurrencyLimit"]
    status, queued = trial.status, trial.condition("Queued")
    assert (status.phase, status.run.id, status.run.started_at) == (Phase.QUEUED, "1", None)
    assert (status.queue.position, status.queue.behind) == (1, "TestScenario first")
    assert (queued.status, queued.reason) == ("True", "ConcurrencyLimit")
    assert queued.message == "its group is full; number 1 in line, behind TestScenario first"
    assert (trial.flags()["Reconciling"], trial.flags()["Complete"], trial.flags()["TornDown"]) == (
        "True",
        "False",
        "True",
    )
    again = trial.turn(1, place=SECOND)
    assert (again.status, again.actions, again.announcements) == (status, (), ())
    begun = trial.turn(20)
    assert begun.actions[0] == AddFinalizer()
    assert (trial.status.run.id, trial.status.queue) == ("1", None)
    assert trial.status.run.started_at is not None
    assert [said.reason for said in begun.announcements] == ["Started"]


def test_a_name_once_given_stays_whatever_is_steered_meanwhile() -> None:
    trial = Trial(scenario_spec())
    trial.turn(place=SECOND)
    steered(trial, history=3)
    trial.turn(1, place=SECOND)
    assert (trial.status.run.id, trial.status.run.generation) == ("1", 2)
    trial.turn(2)
    assert (trial.status.run.id, trial.status.queue) == ("1", None)


def test_another_spec_waits_anew() -> None:
    trial = Trial(scenario_spec())
    trial.turn(place=SECOND)
    trial.edited(scenario_spec(steps=[GET]))
    trial.turn(100, place=SECOND)
    assert trial.status.run.id == "2"
    assert trial.status.queue.since == "2026-01-01T12:01:40.000Z"
    assert trial.status.history == []


@BOTH
def test_waiting_has_an_end(spec: Any) -> None:
    trial = Trial(spec.model_copy(update={"timeouts": type(spec.timeouts)(queue=timedelta(seconds=60))}))
    assert trial.turn(place=SECOND).wake_at == at(60)
    trial.turn(60, place=SECOND)
    assert (trial.phase(), trial.status.verdict, trial.status.reason) == (
        Phase.DONE,
        Verdict.TIMED_OUT,
        "QueueTimeout",
    )
    assert trial.turn(61).actions == ()
    assert trial.status.run.started_at is None


@pytest.mark.parametrize(("end", "said"), [("Rejected", "policy is Reject"), ("Replaced", "a newer run")])
def test_who_will_not_wait_ends(end: str, said: str) -> None:
    trial = Trial(scenario_spec())
    trial.turn(place=Place(False, "ConcurrencyLimit", 1, "TestScenario first", end=end))
    assert (trial.phase(), trial.status.verdict, trial.status.reason) == (Phase.DONE, Verdict.CANCELLED, end)
    assert said in trial.status.message


def test_a_newer_run_of_the_group_ends_one_under_way() -> None:
    trial = running()
    trial.turn(3, **UP, place=Place(False, behind="TestScenario newer", end="Replaced"))
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "Replaced")
    assert "TestScenario newer" in trial.status.message


def test_whoever_has_room_and_must_wait_leaves_it_first() -> None:
    trial = failed()
    trial.turn(4, namespace=None)
    trial.edited(scenario_spec(steps=[GET, NEXT]))
    trial.change(running=trial.subject.spec)
    assert trial.turn(5, place=PENDING).actions == ()
    assert trial.turn(6, place=SECOND).actions == (RemoveFinalizer(),)
    assert trial.phase() is Phase.QUEUED
    assert [past.verdict for past in trial.status.history] == [Verdict.FAILED]


@BOTH
def test_nothing_starts_while_suspended(spec: Any) -> None:
    trial = Trial(spec.model_copy(update={"suspend": True}))
    assert queue_entry("K/n/m", trial.subject, Observed(), at(0)) is None
    assert trial.turn().actions == ()
    assert trial.turn(9999).actions == ()
    assert (trial.phase(), trial.status.reason, trial.status.queue) == (Phase.QUEUED, "Suspended", None)
    flags = trial.flags()
    assert (flags["Stalled"], flags["Reconciling"], flags["Suspended"], flags["Complete"]) == (
        "True",
        "False",
        "True",
        "False",
    )
    steered(trial, suspend=False)
    assert trial.turn(10_000).actions[0] == AddFinalizer()
    assert "Suspended" not in trial.flags()


@BOTH
@pytest.mark.parametrize("stop", ["Graceful", "Immediate"])
@pytest.mark.parametrize("waiting", [True, False])
def test_nothing_starts_while_stopped(spec: Any, stop: str, waiting: bool) -> None:
    trial = Trial(spec)
    if waiting:
        trial.turn(place=SECOND)
    steered(trial, stop=stop)
    assert trial.turn(1).actions == ()
    assert (trial.phase(), trial.status.verdict, trial.status.reason) == (
        Phase.DONE,
        Verdict.CANCELLED,
        "Stopped",
    )
    steered(trial, stop=None)
    assert trial.turn(2).actions == ()
    assert trial.status.verdict is Verdict.CANCELLED


def test_stopping_at_once_cuts_steps_off() -> None:
    trial = running()
    steered(trial, stop="Immediate")
    stopped = trial.turn(3, **UP)
    assert (trial.phase(), trial.status.verdict, trial.status.reason) == (
        Phase.TEARDOWN,
        Verdict.CANCELLED,
        "Stopped",
    )
    assert [step.state for step in trial.status.steps] == [StepState.CANCELLED, StepState.SKIPPED]
    assert stopped.activities.checks == frozenset()


def test_stopping_gracefully_lets_steps_end_and_starts_no_more() -> None:
    trial = running(teardown=[{"name": "bye", "job": {"image": "i"}}])
    steered(trial, stop="Graceful")
    assert trial.turn(3, **UP).activities.checks == {"get"}
    assert trial.phase() is Phase.RUNNING
    steered(trial, stop=None)  # what was not run cannot be made good by taking it back
    assert trial.turn(4, **UP).activities.checks == {"get"}
    trial.turn(5, **UP, outcomes={"get": OK})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "Stopped")
    assert [step.state for step in trial.status.steps] == [StepState.SUCCEEDED, StepState.SKIPPED]
    assert trial.turn(6, **UP).actions == (StartJob("bye"),)


def test_stopping_while_services_come_up_ends_at_once() -> None:
    trial = Trial(scenario_spec())
    trial.turn()
    steered(trial, stop="Graceful")
    trial.turn(1)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "Stopped")


def test_stopping_a_load_test() -> None:
    for stop, ends in (("Graceful", False), ("Immediate", True)):
        trial = Trial(load_test_spec())
        trial.turn()
        steered(trial, stop=stop)
        trial.turn(1, jobs={"load": JobSeen()})
        assert (trial.status.verdict is Verdict.CANCELLED) is ends


def test_the_whole_run_has_an_end() -> None:
    trial = running(timeouts={"total": "10s"})
    assert trial.turn(3, **UP).wake_at == at(10)
    trial.turn(10, **UP)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "TotalTimeout")
    test = Trial(load_test_spec(timeouts={"total": "5s"}))
    assert test.turn().wake_at == at(5)
    test.turn(5, jobs={"load": JobSeen()})
    assert (test.status.verdict, test.status.reason) == (Verdict.TIMED_OUT, "TotalTimeout")


KEEP = {"retain": {"when": "OnFailure", "timeout": "30m"}, "teardown": [{"name": "bye", "job": {"image": "i"}}]}


def test_a_failed_environment_is_kept_for_a_time() -> None:
    trial = failed(**KEEP)
    assert (trial.phase(), trial.status.verdict) == (Phase.RETAINED, Verdict.FAILED)
    where = trial.status.run.namespace if trial.status.run else ""
    assert trial.status.message.endswith(f"(kept until 2026-01-01T12:30:03Z: kubectl -n {where} get pods)")
    flags = trial.flags()
    assert (flags["Complete"], flags["Stalled"], flags["Reconciling"]) == ("True", "True", "False")
    assert (trial.condition("TornDown").status, trial.condition("TornDown").reason) == ("False", "Retained")
    before = trial.status
    kept = trial.turn(4, **UP)
    assert (kept.status, kept.actions, kept.wake_at) == (before, (), at(1803))
    assert trial.turn(1803, **UP).actions == (StartJob("bye"),)
    assert (trial.phase(), trial.status.message) == (Phase.TEARDOWN, "step get: status is 500")


@pytest.mark.parametrize("way", ["never", "delete", "edit", "gone", "replaced"])
def test_what_ends_it_earlier(way: str) -> None:
    trial = failed(**KEEP)
    seen: dict[str, Any] = {}
    if way == "never":
        steered(trial, retain={"when": "Never"})
    elif way == "delete":
        trial.change(deleting=True)
    elif way == "edit":
        trial.edited(scenario_spec())
    elif way == "gone":
        seen = {"namespace": None}
    else:
        seen = {"place": Place(False, behind="TestScenario newer", end="Replaced")}
    trial.turn(5, **UP, **seen)
    assert trial.phase() is (Phase.DONE if way == "gone" else Phase.TEARDOWN)
    assert trial.status.verdict is Verdict.FAILED


def test_what_has_passed_or_was_stopped_is_not_kept() -> None:
    trial = running(steps=[GET], **KEEP)
    trial.turn(3, **UP, outcomes={"get": OK})
    assert (trial.phase(), trial.status.verdict) == (Phase.TEARDOWN, Verdict.PASSED)
    trial = running(**KEEP)
    steered(trial, stop="Immediate")
    trial.turn(3, **UP)
    assert (trial.phase(), trial.status.verdict) == (Phase.TEARDOWN, Verdict.CANCELLED)


def test_as_much_history_as_is_asked_for() -> None:
    trial = Trial(scenario_spec(history=2, stop="Immediate"))
    for number in range(5):
        trial.edited(scenario_spec(history=2, stop="Immediate", run=str(number)))
        trial.turn(number)
    assert [past.id for past in trial.status.history] == ["5", "4"]
    steered(trial, history=0)
    trial.turn(9)
    assert trial.status.history == []


AFTER = {"dependsOn": [{"scenario": "base", "maxAge": "1h"}]}


def test_a_scenario_waits_for_the_verdict_of_another() -> None:
    trial = Trial(scenario_spec(**AFTER))
    told = {
        "there is none of that name": {},
        "no verdict yet (services)": {"base": ScenarioSeen(message="services")},
        "it is Failed": {"base": ScenarioSeen(Verdict.FAILED, at(0))},
        "its verdict is older": {"base": ScenarioSeen(Verdict.PASSED, at(-3601))},
    }
    for said, scenarios in told.items():
        assert trial.turn(scenarios=scenarios).actions == ()
        queued = trial.condition("Queued")
        assert (queued.status, queued.reason) == ("True", "WaitingForScenario")
        assert "scenario base" in queued.message
        assert said in queued.message
    assert trial.turn(1, scenarios={"base": ScenarioSeen(Verdict.PASSED, at(0))}).actions[0] == AddFinalizer()


def test_waiting_for_another_has_an_end() -> None:
    trial = Trial(scenario_spec(**AFTER, timeouts={"queue": "1m"}))
    trial.turn()
    trial.turn(60)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "QueueTimeout")


def test_a_circle_is_named_and_never_waited_for() -> None:
    trial = Trial(scenario_spec(**AFTER))
    cycle = "spec.dependsOn: checkout -> base -> checkout: dependsOn goes round in a circle: take one out"
    assert trial.turn(cycle=cycle).actions == ()
    assert trial.condition("Stalled").message == cycle
    assert trial.flags()["Complete"] == "True"
    assert trial.turn(1, cycle=cycle).announcements == ()
    assert trial.turn(2, scenarios={"base": ScenarioSeen(Verdict.PASSED, at(0))}).actions[0] == AddFinalizer()
    assert trial.flags()["Stalled"] == "False"


def test_a_schedule_starts_runs_and_counts_what_it_must_skip() -> None:
    trial = failed(schedule={"cron": "*/10 * * * *"})
    assert trial.status.schedule.next == "2026-01-01T12:10:00Z"
    trial.turn(4, namespace=None)
    assert trial.turn(5).wake_at == at(600)
    begun = trial.turn(600)
    assert trial.status.run.id == "1-202601011210"
    assert trial.status.run.scheduled_for == "2026-01-01T12:10:00.000Z"
    assert trial.status.schedule.last == "2026-01-01T12:10:00Z"
    assert begun.wake_at is not None
    trial.turn(1200, **UP)
    assert trial.status.run.id == "1-202601011210"
    assert (trial.status.schedule.missed, trial.status.schedule.next) == (1, "2026-01-01T12:30:00Z")
    assert "run 1-202601011210 was under way" in trial.status.schedule.reason


def test_a_schedule_starts_nothing_while_suspended() -> None:
    trial = failed(schedule={"cron": "*/10 * * * *"})
    trial.turn(4, namespace=None)
    steered(trial, suspend=True)
    trial.turn(5)
    missed = trial.turn(600)
    assert AddFinalizer() not in missed.actions
    assert [said.reason for said in missed.announcements] == ["ScheduleMissed"]
    assert (trial.phase(), trial.status.schedule.missed) == (Phase.DONE, 1)


def test_a_scheduled_run_that_must_wait_keeps_its_time() -> None:
    trial = failed(schedule={"cron": "*/10 * * * *"})
    trial.turn(4, namespace=None)
    trial.change(finalizer=False)
    trial.turn(600, place=PENDING)
    assert trial.status.schedule.next == "2026-01-01T12:10:00Z"
    trial.turn(601, place=SECOND)
    assert (trial.status.run.id, trial.phase()) == ("1-202601011210", Phase.QUEUED)
    trial.turn(650)
    assert (trial.status.run.id, trial.phase()) == ("1-202601011210", Phase.PROVISIONING)


def test_a_quota_that_refuses_a_load_job_is_waited_out() -> None:
    trial = Trial(load_test_spec(timeouts={"queue": "10m"}))
    trial.turn()
    start = StartLoad("load")
    held = {start.key: Held(start, "jobs.batch: exceeded quota: team", at(5))}
    assert trial.turn(1, held=held).actions == ()
    assert (trial.phase(), trial.condition("Queued").reason) == (Phase.QUEUED, "QuotaExceeded")
    assert trial.condition("Queued").message == "jobs.batch: exceeded quota: team"
    assert trial.turn(5, held=held).actions == (start,)
    assert trial.turn(6).actions == (start,)  # after a restart, which has forgotten the pause
    trial.turn(300, jobs={"load": JobSeen()})
    assert (trial.phase(), trial.status.queue) == (Phase.RUNNING, None)
    trial.turn(301, jobs={"load": JobSeen()})
    assert trial.status.verdict is None
    late = Trial(load_test_spec(timeouts={"queue": "10m"}))
    late.turn()
    late.turn(600, held=held)
    assert (late.status.verdict, late.status.reason) == (Verdict.TIMED_OUT, "QueueTimeout")


def test_a_quota_that_refuses_a_step_is_waited_out() -> None:
    job = {"name": "job", "job": {"image": "i"}, "timeout": "1m"}
    trial = Trial(scenario_spec(steps=[job], timeouts={"steps": "2h"}))
    trial.turn()
    assert trial.turn(1, **UP).actions == (StartJob("job"),)
    held = {"StartJob/job": Held(StartJob("job"), "exceeded quota: team", at(5))}
    assert trial.turn(2, **UP, held=held).actions == ()
    (step,) = trial.status.steps
    assert (step.state, step.reason, step.message) == ("Running", "QuotaExceeded", "exceeded quota: team")
    assert trial.turn(5, **UP, held=held).actions == (StartJob("job"),)
    # After a restart, which has forgotten the refusal, and long after the step's own time.
    assert trial.turn(600, **UP).actions == (StartJob("job"),)
    assert trial.turn(601, **UP, jobs={"job": JobSeen()}).actions == ()
    (step,) = trial.status.steps
    assert (step.reason, step.message, step.started_at) == ("Started", "", "2026-01-01T12:10:01.000Z")
    trial.turn(700, **UP, jobs={"job": JobSeen()})
    assert (trial.status.steps[0].reason, trial.status.steps[0].state) == ("Timeout", "Error")


PODS_REFUSED = JobSeen(refusal="its pods are refused: pods is forbidden: exceeded quota: team, requested: pods=1")


@pytest.mark.parametrize("kind", ["job", "load"])
def test_a_quota_that_refuses_the_pods_of_a_step_is_waited_out(kind: str) -> None:
    load = {"target": {"service": "web"}, "profile": {"rate": 1, "duration": "1s"}}
    step = {"name": "a", kind: {"image": "i"} if kind == "job" else load, "timeout": "1m"}
    trial = Trial(scenario_spec(steps=[step], timeouts={"steps": "2h"}))
    trial.turn()
    trial.turn(1, **UP)
    assert trial.turn(5, **UP, jobs={"a": PODS_REFUSED}).actions == ()
    assert trial.turn(900, **UP, jobs={"a": PODS_REFUSED}).actions == ()
    (found,) = trial.status.steps
    assert (found.state, found.reason) == ("Running", "QuotaExceeded")
    # Kubernetes ends the Job by its own time limit: it is made anew.
    ended = JobSeen(failed=True, reason="DeadlineExceeded")
    assert trial.turn(901, **UP, jobs={"a": ended}).actions == (StopAttempt("a", 1),)
    assert trial.turn(902, **UP).actions == ((StartJob if kind == "job" else StartLoad)("a"),)
    trial.turn(903, **UP | {"pods": (*UP["pods"], pod("a"))}, jobs={"a": JobSeen()})
    (found,) = trial.status.steps
    assert (found.reason, found.started_at) == ("Started", "2026-01-01T12:15:03.000Z")


def test_pods_that_the_quota_of_the_environment_refuses_end_with_the_step() -> None:
    trial = Trial(scenario_spec(steps=[{"name": "a", "job": {"image": "i"}, "timeout": "1m"}]))
    trial.turn()
    trial.turn(1, **UP)
    own = JobSeen(refusal="its pods are refused: pods is forbidden: exceeded quota: seatrial, requested: pods=1")
    trial.turn(5, **UP, jobs={"a": own})
    assert trial.status.steps[0].reason == "Started"
    trial.turn(100, **UP, jobs={"a": own})
    assert (trial.status.steps[0].state, trial.status.steps[0].reason) == ("Error", "PodsRefused")


def test_a_quota_that_refuses_the_pods_of_a_load_test_is_waited_out() -> None:
    trial = Trial(load_test_spec(timeouts={"queue": "20m"}))
    trial.turn()
    assert trial.turn(4, jobs={"load": PODS_REFUSED}).actions == ()
    assert (trial.phase(), trial.condition("Queued").reason) == (Phase.QUEUED, "QuotaExceeded")
    assert "exceeded quota: team" in trial.condition("Queued").message
    ended = JobSeen(failed=True, reason="DeadlineExceeded")
    assert trial.turn(700, jobs={"load": ended}).actions == (StopLoad("load"),)
    assert trial.turn(701).actions == (StartLoad("load"),)
    trial.turn(702, jobs={"load": JobSeen()}, pods=(pod("load"),))
    assert (trial.phase(), trial.status.queue) == (Phase.RUNNING, None)


def test_taking_away_after_stopping_runs_everything() -> None:
    trial = running()
    steered(trial, stop="Immediate")
    trial.turn(3, **UP)
    assert trial.turn(4, **UP).actions == (StopWorkloads(), DeleteNamespace("ns-1"))
