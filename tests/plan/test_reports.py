"""When evidence is read and the report is written: before the first deletion, and once more when all is gone."""

from typing import Any

import pytest

from seatrial.api.status import Phase, ReportStatus, RunSummary, TestScenarioStatus, Verdict
from seatrial.plan.decision import DeleteNamespace, DeleteReports, StopWorkloads, WriteReport
from seatrial.plan.observed import DeploymentSeen, ReportSeen, TailSeen
from seatrial.plan.queue import Place
from seatrial.plan.reports import forgotten
from tests.plan.situations import Trial, load_test_spec, pod, scenario_spec

READY: dict[str, Any] = {"deployments": {"web": DeploymentSeen(current=True, ready=1)}, "report": ReportSeen()}
WRITTEN = ReportSeen(ReportStatus(run="1", config_maps=["checkout-report-1-x"], sha256="a", bytes=1))
FINAL = ReportSeen(ReportStatus(run="1", config_maps=["checkout-report-1-x"], sha256="b", bytes=2), final=True)


def ended() -> Trial:
    """A run whose verdict has fallen."""
    trial = Trial(scenario_spec())
    trial.turn(report=ReportSeen())
    decision = trial.turn(1, **READY)
    assert (trial.status.verdict, decision.actions) == (Verdict.PASSED, ())
    return trial


def test_the_report_is_written_after_the_verdict_and_before_the_first_deletion() -> None:
    decision = ended().turn(2, **READY)
    assert [type(action) for action in decision.actions] == [WriteReport, StopWorkloads, DeleteNamespace]


def test_nothing_is_deleted_while_evidence_is_read_but_not_for_long() -> None:
    trial = ended()
    crashed = pod("web", restarts=1)
    waiting = trial.turn(2, **READY, pods=(crashed,))
    assert waiting.actions == ()
    assert waiting.activities.tails == {"web-x1"}
    assert waiting.wake_at is not None
    told = trial.turn(3, **READY, pods=(crashed,), tails={"web-x1": TailSeen(("why",), restarts=1)})
    assert isinstance(told.actions[0], WriteReport)
    late = ended()
    late.turn(2, **READY, pods=(crashed,))
    assert isinstance(late.turn(20, **READY, pods=(crashed,)).actions[-1], DeleteNamespace)


def test_a_report_that_is_written_is_not_written_again_until_the_end() -> None:
    trial = ended()
    trial.turn(2, **READY)
    decision = trial.turn(3, **(READY | {"report": WRITTEN}))
    assert [type(action) for action in decision.actions] == [StopWorkloads, DeleteNamespace]
    assert trial.status.report == WRITTEN.written
    last = trial.turn(4, namespace=None, report=WRITTEN)
    assert last.actions == (WriteReport(final=True),)
    assert trial.phase() is Phase.TEARDOWN
    done = trial.turn(5, namespace=None, report=FINAL)
    assert (trial.phase(), done.actions) == (Phase.DONE, ())
    assert trial.status.report == FINAL.written


@pytest.mark.parametrize("spec", [scenario_spec(), load_test_spec()])
def test_a_run_that_never_began_has_none(spec: Any) -> None:
    trial = Trial(spec)
    place = Place(False, "ConcurrencyLimit", 1, "TestScenario first", end="Rejected")
    decision = trial.turn(place=place, report=ReportSeen())
    assert (trial.phase(), trial.status.verdict, decision.actions) == (Phase.DONE, Verdict.CANCELLED, ())
    assert trial.turn(1, report=ReportSeen()).actions == ()


def test_a_report_that_cannot_be_written_holds_nothing_up() -> None:
    trial = ended()
    given_up = ReportSeen(given_up="configmaps is forbidden")
    trial.turn(2, **(READY | {"report": given_up}))
    trial.turn(3, namespace=None, report=given_up)
    assert trial.phase() is Phase.DONE
    assert trial.status.report == ReportStatus(run="1", message="configmaps is forbidden")
    assert trial.condition("TornDown").status == "True"


def test_a_run_that_ends_before_it_has_an_environment_has_a_report_too() -> None:
    trial = Trial(scenario_spec())
    trial.turn(report=ReportSeen())
    trial.turn(1, namespace=None, report=ReportSeen(), refusals={"CreateEnvironment": "no"})
    assert (trial.phase(), trial.status.verdict) == (Phase.TEARDOWN, Verdict.ERROR)
    assert trial.turn(2, namespace=None, report=ReportSeen()).actions == (WriteReport(final=True),)
    trial.turn(3, namespace=None, report=FINAL)
    assert trial.phase() is Phase.DONE


def test_a_load_test_has_one() -> None:
    trial = Trial(load_test_spec())
    trial.turn(report=ReportSeen())
    trial.turn(1, refusals={"StartLoad/load": "no such Service"}, report=ReportSeen())
    assert trial.turn(2, report=ReportSeen()).actions == (WriteReport(final=True),)
    trial.turn(3, report=FINAL)
    assert trial.phase() is Phase.DONE


def test_nobody_could_read_the_report_of_a_resource_that_goes_away() -> None:
    trial = ended()
    trial.change(deleting=True)
    decision = trial.turn(2, **READY)
    assert [type(action) for action in decision.actions] == [StopWorkloads, DeleteNamespace]


def test_without_reports_a_run_goes_its_way() -> None:
    trial = Trial(scenario_spec())
    trial.turn()
    trial.turn(1, deployments=READY["deployments"])
    trial.turn(2, namespace=None)
    assert trial.phase() is Phase.DONE
    assert trial.status.report is None


def past(run: int) -> RunSummary:
    return RunSummary(id=str(run), verdict=Verdict.PASSED, report=[f"report-{run}"])


def test_reports_of_forgotten_runs_are_deleted_by_name() -> None:
    before = TestScenarioStatus(
        history=[past(run) for run in range(10, 0, -1)], report=ReportStatus(run="11", config_maps=["report-11"])
    )
    after = TestScenarioStatus(history=[past(run) for run in range(11, 1, -1)])
    assert forgotten(before, after) == ("report-1",)
    assert forgotten(after, after) == ()


def test_a_new_run_deletes_the_report_that_falls_out_of_the_history() -> None:
    trial = ended()
    trial.turn(2, namespace=None, report=FINAL)
    history = [past(run) for run in range(20, 10, -1)]
    trial.change(status=trial.status.model_copy(update={"history": history}))
    trial.edited(scenario_spec(run="again"))
    decision = trial.turn(3, namespace=None, report=ReportSeen())
    assert decision.actions[-1] == DeleteReports(("report-11",))
    assert trial.status.history[0].report == ["checkout-report-1-x"]
    assert trial.status.report is None
