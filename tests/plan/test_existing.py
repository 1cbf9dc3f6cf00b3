"""Services that run already: nothing is planned for them but to look, and scenarios of them alone make nothing."""

from typing import Any

from seatrial.api.status import Phase, ServiceState, Verdict
from seatrial.plan.decision import AddFinalizer, CreateEnvironment, StartJob, StartService
from seatrial.plan.health import watch_services
from seatrial.plan.observed import Observed, ProbeSeen
from seatrial.plan.services import plan_services
from tests.plan.situations import NAMESPACE, Trial, at, scenario_spec, services

EXISTING = {"name": "pay", "existing": {"service": "payments"}, "image": "", "ports": []}
WEB = {"name": "web", "image": "web:1", "dependsOn": [{"service": "pay"}]}
ASK = {"name": "ask", "http": {"service": "pay"}}


def only_existing(**more: Any) -> Trial:
    return Trial(scenario_spec(environment={"services": [EXISTING]}, steps=[ASK], **more))


def test_an_existing_service_is_looked_up_and_never_started() -> None:
    wanted = services(EXISTING, WEB)
    first = plan_services(wanted, [], Observed(), at(0))
    assert first.actions == ()
    assert first.probes == {"pay"}
    assert [service.reason for service in first.services] == ["LookedUp", "WaitingForDependencies"]
    second = plan_services(wanted, first.services, Observed(probes={"pay": ProbeSeen(1)}), at(1))
    assert second.services[0].state is ServiceState.HEALTHY
    assert second.actions == (StartService("web"),)
    assert watch_services(wanted[:1], second.services[:1], Observed(), at(2)) == second.services[:1]


def test_one_that_may_not_be_used_is_an_error_at_once_and_one_that_does_not_come_after_its_time() -> None:
    wanted = services(EXISTING)
    before = plan_services(wanted, [], Observed(), at(0)).services
    key = StartService("pay").key
    refused = Observed(refusals={key: "may not be used"}, refusal_reasons={key: "TargetNotAllowed"})
    (service,) = plan_services(wanted, before, refused, at(1)).services
    assert (service.state, service.reason) == (ServiceState.ERROR, "TargetNotAllowed")
    missing = Observed(probes={"pay": ProbeSeen(0, "there is no")}, refusal_reasons={key: "TargetNotFound"})
    (service,) = plan_services(wanted, before, missing, at(119)).services
    assert (service.state, service.reason, service.message) == (ServiceState.STARTING, "TargetNotFound", "there is no")
    (service,) = plan_services(wanted, before, missing, at(120)).services
    assert (service.state, service.reason) == (ServiceState.ERROR, "TargetNotFound")


def test_a_scenario_of_existing_services_alone_makes_nothing_and_holds_nothing() -> None:
    trial = only_existing()
    assert trial.turn(namespace=None).actions == ()
    assert trial.status.run.namespace is None
    healthy = {"namespace": None, "probes": {"pay": ProbeSeen(1)}}
    asking = trial.turn(1, **healthy)
    assert asking.activities.checks == {"ask"}
    assert trial.phase() is Phase.RUNNING
    trial.change(deleting=True)
    assert trial.turn(2, **healthy).actions == ()
    assert (trial.phase(), trial.status.verdict) == (Phase.DONE, Verdict.CANCELLED)


def test_one_with_a_job_has_an_environment_for_it() -> None:
    trial = only_existing(setup=[{"name": "seed", "job": {"image": "i"}}])
    assert trial.turn(namespace=None).actions == (AddFinalizer(), CreateEnvironment())
    assert trial.turn(1, probes={"pay": ProbeSeen(1)}, namespace=NAMESPACE).actions == (StartJob("seed"),)


def test_beside_the_resource_the_run_is_in_the_resources_namespace() -> None:
    service = {"name": "web", "image": "web:1"}
    trial = Trial(scenario_spec(environment={"namespace": "Same", "services": [service]}))
    trial.turn(namespace=None)
    assert trial.status.run.namespace == "shop"
