"""Services that run to their end, claims that are not bound, init commands, and inputs that are refused."""

from typing import Any

import pytest

from seatrial.api.status import ServiceState
from seatrial.plan.decision import CopyInputs, CreateEnvironment, StartService
from seatrial.plan.observed import DeploymentSeen, JobSeen, Observed
from seatrial.plan.services import ServicesPlan, plan_services, unhealthy
from tests.plan.situations import Trial, at, pod, scenario_spec, services

MIGRATE = {"name": "migrate", "completes": True, "ports": []}
WEB = {"name": "web", "dependsOn": [{"service": "migrate", "condition": "Completed"}]}
GOING = {"migrate": JobSeen()}
DONE = {"migrate": JobSeen(complete=True)}


def plan(before: ServicesPlan | None = None, seconds: float = 0, *specs: dict[str, Any], **seen: Any) -> ServicesPlan:
    wanted = services(*(specs or (MIGRATE, WEB)))
    return plan_services(wanted, before.services if before else [], Observed(**seen), at(seconds))


def migrated(**state: Any) -> Any:
    return pod("migrate", kind="service", **state)


def test_others_wait_for_its_end() -> None:
    first = plan()
    assert first.actions == (StartService("migrate"),)
    second = plan(first, 1, completions=GOING, pods=(migrated(running=True),))
    assert (second.services[0].state, second.actions) == (ServiceState.STARTED, ())
    third = plan(second, 2, completions=DONE, pods=(migrated(exit_code=0),))
    assert (third.services[0].state, third.actions) == (ServiceState.COMPLETED, (StartService("web"),))
    assert third.services[0].healthy_at is not None
    up = {"deployments": {"web": DeploymentSeen(current=True, ready=1)}}
    last = plan(third, 3, **up, completions=DONE, pods=(pod("web", running=True, kind="service"),))
    assert last.healthy


def test_its_exit_code_is_the_evidence_and_is_named() -> None:
    seen = {"completions": {"migrate": JobSeen(failed=True)}, "pods": (migrated(exit_code=3),)}
    broken = plan(plan(), 1, **seen).broken
    assert broken is not None
    assert (broken.reason, broken.message) == ("ExitCode", "exit code 3")
    trial = Trial(scenario_spec(environment={"services": [MIGRATE | {"image": "i"}]}))
    trial.turn()
    trial.turn(1, **seen)
    assert (trial.status.verdict, trial.status.reason) == ("Error", "ExitCode")
    assert trial.status.message == "service migrate: exit code 3"


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({}, "JobLost"),
        ({"completions": DONE}, "PodLost"),
        ({"completions": DONE, "pods": (migrated(exit_code=0, disruption="Evicted"),)}, "Evicted"),
        ({"completions": GOING, "pods": (migrated(exit_code=137, ended_reason="OOMKilled"),)}, "OOMKilled"),
        ({"completions": GOING, "pods": (migrated(waiting="InvalidImageName"),)}, "InvalidImageName"),
        ({"completions": GOING, "refusals": {"StartService/migrate": "quota"}}, "Refused"),
    ],
)
def test_without_an_exit_code_nothing_has_completed(seen: dict[str, Any], reason: str) -> None:
    broken = plan(plan(), 1, **seen).broken
    assert broken is not None
    assert broken.reason == reason


def test_it_is_never_run_again() -> None:
    assert plan(plan(), 1).actions == ()


def test_a_step_of_the_same_name_is_no_evidence() -> None:
    theirs = pod("migrate", kind="step", exit_code=0)
    later = plan(plan(), 1, completions=GOING, pods=(theirs,))
    assert later.services[0].state is ServiceState.STARTING
    observed = Observed(pods=(theirs, migrated(exit_code=1)))
    assert observed.pods_of("migrate") == (theirs,)
    assert observed.pods_of_service("migrate") == (migrated(exit_code=1),)


def test_having_completed_it_is_healthy_for_good() -> None:
    assert unhealthy(services(MIGRATE), Observed(), at(0)) == ""


def test_a_failing_init_command_is_named() -> None:
    init: dict[str, Any] = {"init": True, "last_exit_code": 2}
    first = plan(None, 0, {"name": "a"})
    looping = pod("a", restarts=3, waiting="CrashLoopBackOff", **init)
    broken = plan(first, 9, {"name": "a"}, deployments={"a": DeploymentSeen(True, 0)}, pods=(looping,)).broken
    assert broken is not None
    assert broken.reason == "CrashLoop"
    assert "its init container ended with exit code 2 and was restarted 3 times" in broken.message
    pulling = pod("a", waiting="ImagePullBackOff", waiting_message="no such image", init=True)
    broken = plan(first, 20, {"name": "a"}, deployments={"a": DeploymentSeen(True, 0)}, pods=(pulling,)).broken
    assert broken is not None
    assert (broken.reason, broken.message) == ("ImagePullFailed", "pod a-x1, init container: no such image")
    ended = plan(plan(), 1, completions=GOING, pods=(migrated(exit_code=4, init=True),)).broken
    assert ended is not None
    assert ended.message == "its init container ended with exit code 4"


@pytest.mark.parametrize(
    ("storage_class", "words"),
    [
        ("fast", "claim data-db-0 (1Gi) is not bound: is there a provisioner for storage class fast?"),
        (None, "claim data-db-0 (1Gi) is not bound: is there a default storage class?"),
    ],
)
def test_a_claim_that_is_not_bound_is_named(storage_class: str | None, words: str) -> None:
    storage = {"path": "/data", "size": "1Gi", "storageClass": storage_class}
    db = {"name": "db", "storage": {key: value for key, value in storage.items() if value}}
    says = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: no victims"
    waiting = pod("db", name="db-0", unschedulable=says)
    first = plan(None, 0, db)
    broken = plan(first, 61, db, deployments={"db": DeploymentSeen(True, 0)}, pods=(waiting,)).broken
    assert broken is not None
    assert broken.reason == "Unschedulable"
    assert words in broken.message
    full = pod("db", name="db-0", unschedulable="0/1 nodes are available: 1 Insufficient memory.")
    broken = plan(first, 61, db, deployments={"db": DeploymentSeen(True, 0)}, pods=(full,)).broken
    assert broken is not None
    assert broken.message == "pod db-0: 0/1 nodes are available: 1 Insufficient memory."


def inputs(**more: Any) -> Trial:
    return Trial(scenario_spec(environment={"services": [{"name": "web", "image": "i"}], **more}))


@pytest.mark.parametrize("field", ["secrets", "configMaps", "imagePullSecrets"])
def test_what_is_copied_is_there_before_services_start(field: str) -> None:
    actions = inputs(**{field: ["db"]}).turn(namespace=None).actions
    assert actions[-3:] == (CreateEnvironment(), CopyInputs(), StartService("web"))
    assert CopyInputs() not in inputs().turn(namespace=None).actions


def test_a_start_that_came_to_nothing_copies_again() -> None:
    trial = inputs(secrets=["db"])
    trial.turn(namespace=None)
    assert trial.turn(1).actions == (CopyInputs(), StartService("web"))
    up = {"web": DeploymentSeen(current=False, ready=0)}
    assert trial.turn(2, deployments=up).actions == ()


def test_a_missing_secret_ends_the_run_with_its_reason() -> None:
    trial = inputs(secrets=["db"])
    trial.turn(namespace=None)
    key = CopyInputs().key
    trial.turn(1, refusals={key: "there is no Secret db"}, refusal_reasons={key: "SecretNotFound"})
    assert (trial.status.verdict, trial.status.reason) == ("Error", "SecretNotFound")
    assert trial.status.message == "there is no Secret db"
