"""A scenario's way from the first effect to nothing left, and every side road."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api import names
from seatrial.api.outcome import Outcome
from seatrial.api.status import Phase, ServiceState, StepState, Verdict
from seatrial.plan.decision import (
    AddFinalizer,
    CreateEnvironment,
    DeleteNamespace,
    RemoveFinalizer,
    StartJob,
    StartService,
    StopWorkloads,
)
from seatrial.plan.observed import DeploymentSeen, JobSeen, NamespaceSeen
from tests.plan.situations import NAMESPACE, SERVICES, UID, Trial, at, pod, scenario_spec

UP: dict[str, Any] = {"deployments": {"web": DeploymentSeen(True, 1)}, "pods": (pod("web", running=True),)}
GET = {"name": "get", "http": {"service": "web"}}
POST = {"name": "post", "http": {"service": "web", "method": "POST"}}
SEED = {"name": "seed", "job": {"image": "i"}}
EXPORT = {"name": "export", "job": {"image": "i"}}
MORE = {"name": "more", "job": {"image": "i"}}
OK = Outcome(StepState.SUCCEEDED, "ExpectationsMet")
TAKEN_AWAY = (StopWorkloads(), DeleteNamespace("ns-1"))
GONE = NamespaceSeen(name=NAMESPACE.name, uid=NAMESPACE.uid, ours=True, terminating=True)


def started(**spec: Any) -> Trial:
    """A scenario whose run has begun."""
    trial = Trial(scenario_spec(**spec))
    trial.turn()
    return trial


def running(**spec: Any) -> Trial:
    """A scenario whose service is healthy."""
    trial = started(**{"steps": [GET], **spec})
    trial.turn(1, **UP)
    return trial


def ended(**spec: Any) -> Trial:
    """A scenario whose run has passed and whose teardown begins."""
    trial = running(**spec)
    trial.turn(2, **UP, outcomes={"get": OK})
    assert trial.status.verdict is Verdict.PASSED
    return trial


def test_the_finalizer_is_on_before_the_first_effect() -> None:
    trial = Trial(scenario_spec(steps=[GET], setup=[SEED], teardown=[EXPORT]))
    first = trial.turn()
    assert first.actions == (AddFinalizer(), CreateEnvironment(), StartService("web"))
    assert trial.phase() is Phase.PROVISIONING
    assert trial.status.run is not None
    assert trial.status.run.id == "1"
    assert trial.status.run.namespace.startswith("trial-checkout-")
    assert [step.state for step in (*trial.status.setup, *trial.status.steps, *trial.status.teardown)] == [
        StepState.PENDING
    ] * 3
    assert [(said.reason, said.warning) for said in first.announcements] == [("Started", False)]
    assert first.wake_at == at(120)


def test_the_whole_way_to_passed_and_to_nothing_left() -> None:
    trial = Trial(scenario_spec(setup=[SEED], steps=[GET], teardown=[EXPORT]))
    trial.turn()
    assert trial.turn(1, **UP).actions == (StartJob("seed"),)
    assert trial.phase() is Phase.SETUP
    assert trial.flags()["EnvironmentReady"] == "True"
    seeded = {**UP, "jobs": {"seed": JobSeen(True)}, "pods": (*UP["pods"], pod("seed", exit_code=0))}
    going = trial.turn(2, **seeded)
    assert trial.phase() is Phase.RUNNING
    assert going.activities.checks == {"get"}
    judged = trial.turn(3, **seeded, outcomes={"get": OK})
    assert (trial.status.phase, trial.status.verdict) == (Phase.TEARDOWN, Verdict.PASSED)
    assert judged.actions == ()  # the verdict is stored before anything is taken away
    assert [said.reason for said in judged.announcements] == ["AllStepsSucceeded"]
    assert trial.status.progress == "1/1"
    assert trial.turn(4, **seeded).actions == (StartJob("export"),)
    exported = {
        "deployments": UP["deployments"],
        "jobs": seeded["jobs"] | {"export": JobSeen(True)},
        "pods": (*seeded["pods"], pod("export", exit_code=0)),
    }
    kept = trial.turn(5, **exported)
    assert (kept.actions, kept.urgent) == ((), True)  # so is the end of the teardown
    assert trial.turn(5, **exported).actions == TAKEN_AWAY
    dying = tuple(pod(name, deleting_since=at(5)) for name in ("web", "seed", "export"))
    assert trial.turn(6, namespace=GONE, pods=dying).actions == ()
    assert trial.turn(8, namespace=GONE).actions == ()
    last = trial.turn(9, namespace=None)
    assert trial.phase() is Phase.DONE
    assert last.actions == ()
    assert trial.turn(10).actions == (RemoveFinalizer(),)
    assert trial.flags() == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Queued": "False",
        "EnvironmentReady": "True",
        "Complete": "True",
        "Succeeded": "True",
        "TornDown": "True",
    }


def test_a_resource_at_rest_is_left_alone() -> None:
    trial = ended()
    trial.turn(3, namespace=None)
    trial.change(finalizer=False)
    before = trial.status
    decision = trial.turn(3600)
    assert decision.actions == ()
    assert decision.announcements == ()
    assert decision.wake_at is None
    assert trial.status == before


def test_a_service_that_cannot_come_up_is_an_error_of_ours() -> None:
    trial = started(steps=[GET])
    broken = pod("web", waiting="InvalidImageName", waiting_message="bad")
    trial.turn(1, deployments={"web": DeploymentSeen(True, 0)}, pods=(broken,))
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "InvalidImageName")
    assert trial.status.message == "service web: pod web-x1: bad"
    assert trial.status.steps[0].state is StepState.SKIPPED


def test_provisioning_that_takes_too_long_is_timed_out_and_says_for_what() -> None:
    trial = started(timeouts={"provision": "30s"})
    assert trial.turn(1, deployments={"web": DeploymentSeen(True, 0)}).wake_at == at(30)
    assert trial.status.message == "web: 0 of 1 pods run"
    trial.turn(30, deployments={"web": DeploymentSeen(True, 0)})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "ProvisionTimeout")
    assert trial.status.message == "services did not become healthy: web: 0 of 1 pods run"


def test_the_message_of_many_late_services_fits_the_schema() -> None:
    many = [SERVICES[0] | {"name": f"web{n}"} for n in range(50)]
    trial = started(environment={"services": many}, timeouts={"provision": "1s"})
    refused = {f"web{n}": DeploymentSeen(True, 0, "exceeded quota " * 20) for n in range(50)}
    trial.turn(1, deployments=refused)
    assert trial.status.verdict is Verdict.TIMED_OUT
    assert 900 < len(trial.status.message) <= 1024


def test_a_refused_environment_is_told_in_the_api_servers_words() -> None:
    trial = started()
    trial.turn(1, namespace=None, refusals={"CreateEnvironment": "Namespace trial was refused: quota"})
    assert (trial.status.phase, trial.status.verdict) == (Phase.DONE, Verdict.ERROR)
    assert (trial.status.reason, trial.status.message) == ("Refused", "Namespace trial was refused: quota")
    assert trial.turn(2).actions == (RemoveFinalizer(),)


def test_setup_that_fails_is_an_error_and_no_step_runs() -> None:
    trial = running(setup=[SEED, MORE])
    trial.turn(2, **{**UP, "jobs": {"seed": JobSeen(failed=True)}, "pods": (pod("seed", exit_code=1),)})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "SetupFailed")
    assert trial.status.message == "setup seed: exit code 1"
    assert [entry.state for entry in trial.status.setup] == [StepState.FAILED, StepState.SKIPPED]
    assert trial.status.steps[0].state is StepState.SKIPPED


def test_setup_and_steps_share_a_budget() -> None:
    trial = running(setup=[SEED], timeouts={"steps": "30s"})
    seen = {**UP, "jobs": {"seed": JobSeen()}}
    assert trial.turn(2, **seen).wake_at == at(31)
    trial.turn(31, **seen)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "StepsTimeout")
    assert trial.status.message == "setup and steps did not end within 30s"
    assert trial.status.setup[0].state is StepState.CANCELLED


def test_without_steps_healthy_services_pass() -> None:
    trial = running(steps=[])
    assert (trial.status.verdict, trial.status.reason) == (Verdict.PASSED, "EnvironmentHealthy")


def test_the_intent_of_a_post_is_urgent_and_a_restart_interrupts_it() -> None:
    trial = started(steps=[POST])
    assert trial.turn(1, **UP).urgent
    trial.turn(2, **UP)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "Interrupted")


def test_an_edit_cancels_the_run_tears_down_with_the_old_spec_and_begins_anew() -> None:
    trial = running(teardown=[EXPORT])
    trial.edited(scenario_spec(steps=[GET | {"name": "other"}]))
    trial.turn(2, **UP, checking=frozenset({"get"}))
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "SpecChanged")
    assert trial.status.steps[0].state is StepState.CANCELLED
    assert trial.status.observed_generation == 1
    assert trial.turn(3, **UP).actions == (StartJob("export"),)
    exported = {"jobs": {"export": JobSeen(True)}, "pods": (pod("export", exit_code=0),)}
    trial.turn(4, **exported)
    assert trial.turn(5, **exported).actions == TAKEN_AWAY
    trial.turn(6, namespace=None)
    trial.change(running=trial.subject.spec)
    again = trial.turn(7)
    assert again.actions == (CreateEnvironment(), StartService("web"))  # the finalizer is still on
    assert trial.status.run.id == "2"
    assert [step.name for step in trial.status.steps] == ["other"]
    assert [(run.id, run.verdict) for run in trial.status.history] == [("1", Verdict.CANCELLED)]
    assert [said.message for said in again.announcements] == ["run 2 started"]


@pytest.mark.parametrize("phase", [Phase.PROVISIONING, Phase.SETUP, Phase.RUNNING, Phase.TEARDOWN])
def test_deletion_in_any_phase_takes_all_away_before_it_lets_go(phase: Phase) -> None:
    trial = {
        Phase.PROVISIONING: started,
        Phase.SETUP: lambda: running(setup=[SEED]),
        Phase.RUNNING: running,
        Phase.TEARDOWN: ended,
    }[phase]()
    assert trial.phase() is phase
    trial.change(deleting=True, generation=2)
    if phase is not Phase.TEARDOWN:
        trial.turn(3, **UP)
        assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "Deleted")
    assert trial.turn(4, **UP).actions == TAKEN_AWAY
    assert trial.turn(6, namespace=GONE).actions == ()
    assert trial.turn(7, namespace=None).actions == ()
    assert trial.turn(8).actions == (RemoveFinalizer(),)
    assert trial.phase() is Phase.DONE


def test_deletion_of_a_resource_at_rest_needs_nobody() -> None:
    trial = ended()
    trial.turn(3, namespace=None)
    trial.change(deleting=True, generation=2, finalizer=False)
    before = trial.status
    assert trial.turn(4).actions == ()
    assert trial.status == before
    trial.change(finalizer=True)
    assert trial.turn(5).actions == (RemoveFinalizer(),)


def test_deletion_before_any_run_starts_none() -> None:
    trial = Trial(scenario_spec())
    trial.change(deleting=True)
    assert trial.turn().actions == ()
    assert trial.status.run is None


def test_an_invalid_spec_stalls_with_the_field_and_a_mended_one_runs() -> None:
    trial = Trial(scenario_spec())
    trial.change(spec=None, running=None, invalid="spec.steps[0].needs[0].step: 'x': no such step")
    first = trial.turn()
    assert first.actions == ()
    assert (trial.condition("Stalled").status, trial.condition("Stalled").reason) == ("True", "InvalidSpec")
    assert trial.condition("Stalled").message == "spec.steps[0].needs[0].step: 'x': no such step"
    assert [(said.reason, said.warning) for said in first.announcements] == [("InvalidSpec", True)]
    before = trial.status
    assert trial.turn(1).announcements == ()
    assert trial.status == before
    trial.edited(scenario_spec())
    trial.change(running=trial.subject.spec)
    assert CreateEnvironment() in trial.turn(2).actions
    assert trial.flags()["Stalled"] == "False"
    assert trial.status.run.id == "2"


def test_a_long_list_of_mistakes_is_announced_once() -> None:
    trial = Trial(scenario_spec())
    trial.change(spec=None, running=None, invalid="; ".join(f"spec.steps[{n}]: no such step" for n in range(100)))
    assert len(trial.turn().announcements) == 1
    assert trial.turn(1).announcements == ()


def test_a_run_is_not_judged_by_an_invalid_edit_but_cancelled_by_it() -> None:
    trial = running()
    trial.edited(None, invalid="spec: bad")
    trial.turn(2, **UP)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "SpecChanged")
    trial.turn(3, namespace=None)
    trial.turn(4)
    assert trial.status.run is None
    assert trial.status.reason == "InvalidSpec"
    assert [run.id for run in trial.status.history] == ["1"]
    assert trial.flags()["Stalled"] == "True"


@pytest.mark.parametrize("namespace", [None, GONE])
def test_an_environment_that_somebody_deleted_is_an_error(namespace: NamespaceSeen | None) -> None:
    trial = running(teardown=[EXPORT])
    trial.turn(2, namespace=namespace)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "EnvironmentLost")
    trial.turn(3, namespace=namespace)
    assert trial.status.teardown[0].state is StepState.SKIPPED
    assert trial.status.teardown[0].reason == "EnvironmentLost"


def test_a_namespace_that_is_not_ours_is_never_touched() -> None:
    theirs = NamespaceSeen(name="trial-checkout-1", uid="theirs", ours=False)
    trial = started()
    trial.turn(1, namespace=theirs)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "NamespaceTaken")
    for seconds in (2, 3):
        assert DeleteNamespace("theirs") not in trial.turn(seconds, namespace=theirs).actions
    assert trial.phase() is Phase.DONE


def test_a_run_whose_spec_is_lost_ends_and_is_taken_away() -> None:
    trial = running(teardown=[EXPORT])
    trial.change(running=None)
    trial.turn(2, **UP)
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "RunLost")
    assert trial.turn(3, **UP).actions == TAKEN_AWAY
    assert trial.status.teardown[0].reason == "RunLost"


@pytest.mark.parametrize("end", ["failure", "timeout", "error"])
def test_teardown_jobs_run_on_every_end_and_one_failing_stops_no_other(end: str) -> None:
    trial = running(teardown=[EXPORT, MORE], timeouts={"steps": "60s"})
    match end:
        case "failure":
            trial.turn(2, **UP, outcomes={"get": Outcome(StepState.FAILED, "ExpectationFailed")})
        case "error":
            trial.turn(2, **UP, outcomes={"get": Outcome(StepState.ERROR, "ServiceLost")})
        case "timeout":
            trial.turn(61, **UP, checking=frozenset({"get"}))
    verdict = trial.status.verdict
    assert verdict not in {None, Verdict.PASSED}
    assert trial.turn(62, **UP).actions == (StartJob("export"),)
    failed = {**UP, "jobs": {"export": JobSeen(failed=True)}, "pods": (pod("export", exit_code=1),)}
    assert trial.turn(63, **failed).actions == (StartJob("more"),)
    assert [entry.state for entry in trial.status.teardown] == [StepState.FAILED, StepState.RUNNING]
    assert trial.status.verdict is verdict


def test_teardown_jobs_are_cut_off_when_their_time_is_over() -> None:
    trial = ended(teardown=[EXPORT, MORE], timeouts={"teardown": "30s"})
    seen = {**UP, "jobs": {"export": JobSeen()}, "pods": (pod("export", running=True),)}
    assert trial.turn(3, **seen).wake_at == at(32)
    assert trial.turn(32, **seen).actions == TAKEN_AWAY
    assert [(entry.state, entry.reason) for entry in trial.status.teardown] == [
        (StepState.CANCELLED, "TeardownTimeout"),
        (StepState.SKIPPED, "TeardownTimeout"),
    ]
    assert trial.status.verdict is Verdict.PASSED


def test_whichever_deletion_a_crash_has_cut_off_is_done_again() -> None:
    trial = ended()
    assert trial.turn(3, **UP).actions == TAKEN_AWAY
    assert trial.turn(4, pods=(pod("web", deleting_since=at(3)),)).actions == (DeleteNamespace("ns-1"),)
    assert trial.turn(5, **UP, namespace=GONE).actions == (StopWorkloads(),)


def test_what_blocks_beyond_the_budget_is_named_and_looked_at_less_and_less_often() -> None:
    trial = ended(timeouts={"teardown": "30s"})
    stuck = replace(NAMESPACE, terminating=True)
    assert trial.turn(61, namespace=stuck).announcements == ()
    assert trial.condition("TornDown").reason == "InProgress"
    blocked = trial.turn(62, namespace=stuck)
    assert trial.condition("TornDown").reason == "Blocked"
    assert "namespace trial-checkout-1 is still there" in trial.condition("TornDown").message
    assert [(said.reason, said.warning) for said in blocked.announcements] == [("Blocked", True)]
    delays = []
    for seconds in (100, 1000, 10_000, 100_000):
        decision = trial.turn(seconds, namespace=stuck)
        assert decision.announcements == ()
        assert decision.wake_at is not None
        delays.append((decision.wake_at - at(seconds)).total_seconds())
    assert delays == sorted(delays)
    assert delays[0] < 30
    assert delays[-1] == 300
    assert trial.flags()["Complete"] == "True"


def test_a_namespace_of_a_crash_before_the_first_status_write_is_deleted() -> None:
    trial = Trial(scenario_spec())
    trial.change(deleting=True, finalizer=True)
    assert trial.turn(namespace=NAMESPACE).actions == (DeleteNamespace("ns-1"),)
    assert trial.turn(1, namespace=GONE).actions == ()
    assert trial.turn(2).actions == (RemoveFinalizer(),)


def test_a_namespace_of_such_a_crash_is_adopted_by_the_same_run() -> None:
    trial = Trial(scenario_spec())
    trial.change(finalizer=True)
    name = names.environment_namespace("checkout", UID, "1")
    adopted = trial.turn(namespace=replace(NAMESPACE, name=name))
    assert adopted.actions == (CreateEnvironment(), StartService("web"))


def test_a_namespace_of_such_a_crash_goes_before_another_run_begins() -> None:
    trial = Trial(scenario_spec())
    trial.change(finalizer=True)
    assert trial.turn(namespace=NAMESPACE).actions == (DeleteNamespace("ns-1"),)
    assert trial.turn(1, namespace=GONE).actions == ()
    assert trial.status.run is None
    assert trial.turn(2).actions == (CreateEnvironment(), StartService("web"))


def test_the_finalizer_stays_while_an_earlier_run_has_left_something() -> None:
    trial = ended()
    assert trial.turn(3, namespace=None).actions == ()
    leftover = NamespaceSeen("trial-checkout-0", "ns-0", ours=True)
    assert trial.turn(4, namespace=leftover).actions == (DeleteNamespace("ns-0"),)
    assert trial.turn(5).actions == (RemoveFinalizer(),)


def test_a_healthy_service_is_probed_no_more() -> None:
    trial = started(environment={"services": [SERVICES[0] | {"ready": {"http": {}}}]}, steps=[GET])
    assert trial.turn(1, **UP).activities.probes == {"web"}
    assert trial.status.services[0].state is ServiceState.STARTED


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"deployments": {"web": DeploymentSeen(True, 0)}}, "service web: 0 of 1 pods ready"),
        ({"deployments": {}}, "service web: 0 of 1 pods ready"),
        (
            {"deployments": {"web": DeploymentSeen(True, 0)}, "pods": (pod("web", restarts=1, last_exit_code=1),)},
            "service web: pod web-x1: its container ended with exit code 1 and was restarted 1 times",
        ),
    ],
)
def test_nothing_has_passed_in_an_environment_that_broke_under_it(seen: dict[str, Any], told: str) -> None:
    trial = running()
    trial.turn(2, **seen, outcomes={"get": OK})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "ServiceUnhealthy")
    assert trial.status.message == f"not healthy any more at the end: {told}"
