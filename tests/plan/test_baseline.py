"""Which run a load test is compared with, and what comes of it."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api.status import ReportStatus, Verdict
from seatrial.api.timeline import Window
from seatrial.plan.decision import DeleteReports
from seatrial.plan.loadtest import STEP
from seatrial.plan.observed import BaselineSeen, JobSeen, LoadSeen, ReportSeen
from tests.plan.situations import Trial, heard, load_test_spec, pod

LOAD: dict[str, Any] = {"profile": {"rate": 100, "duration": "20s"}}
TENTH = {"maxRegression": "10%"}
UP: dict[str, Any] = {"jobs": {STEP: JobSeen()}, "pods": (pod(STEP, index=0, running=True),)}


def windows(p50: float, number: int = 20, *, wobble: float = 0.0) -> tuple[Window, ...]:
    """A course around a latency in milliseconds."""
    return tuple(
        Window(at=second, seconds=1, requests=100, p50=p50 * (1 + wobble * (second % 3 - 1)), p95=2 * p50, p99=3 * p50)
        for second in range(1, number + 1)
    )


def finished(course: tuple[Window, ...], **result: Any) -> dict[str, LoadSeen]:
    return {STEP: replace(heard(1, 0, **result), windows=course)}


def spec(**more: Any) -> Any:
    return load_test_spec(**LOAD, **{"baseline": TENTH, **more})


class Runs:
    """Runs of one load test, one after the other, each with a report of its own."""

    def __init__(self, first: Any = None) -> None:
        self.trial = Trial(first or spec())
        self.deleted: list[str] = []

    @property
    def status(self) -> Any:
        return self.trial.status

    def run(self, course: tuple[Window, ...], read: BaselineSeen | None = None, **result: Any) -> Any:
        """Runs it to its end. Returns verdict and reason."""
        self.turn()
        self.turn(1, **UP, loads=finished(course, **result), baseline=read)
        verdict = self.status.verdict, self.status.reason
        written = ReportSeen(ReportStatus(run=self.status.run.id, config_maps=[f"report-{self.status.run.id}"]), True)
        self.turn(2, report=written)
        self.turn(3, report=written)
        return verdict

    def turn(self, seconds: float = 0, **seen: Any) -> Any:
        decision = self.trial.turn(seconds, **seen)
        self.deleted += [name for one in decision.actions if isinstance(one, DeleteReports) for name in one.names]
        return decision

    def again(self, changed: Any = None) -> None:
        """Asks for another run of the same, or of something else."""
        token = f"r{self.trial.subject.generation}"
        spec: Any = changed or self.trial.subject.spec
        self.trial.edited(spec.model_copy(update={"run": token}))
        self.trial.change(running=self.trial.subject.spec)


def test_the_first_run_passes_by_its_thresholds_and_says_that_there_was_none() -> None:
    runs = Runs()
    assert runs.run(windows(10)) == (Verdict.PASSED, "Completed")
    assert "no earlier run of this load has passed" in runs.status.message
    assert runs.status.baseline.run == ""
    assert runs.status.run.load_hash


def test_the_second_is_compared_with_the_first() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    going = runs.turn()
    assert (runs.status.baseline.run, runs.status.baseline.report) == ("1", ["report-1"])
    going = runs.turn(1, **UP, loads={STEP: heard(1)})
    assert going.activities.baseline == ("report-1",)
    going = runs.turn(2, **UP, loads=finished(windows(10.2)))
    assert not runs.status.verdict  # the other run has not been read yet
    assert going.activities.baseline == ("report-1",)
    runs.turn(3, **UP, loads=finished(windows(10.2)), baseline=BaselineSeen(windows(10)))
    assert (runs.status.verdict, runs.status.reason) == (Verdict.PASSED, "Completed")
    assert "no worse than run 1 by more than 10%" in runs.status.message
    [p50, p95] = runs.status.baseline.metrics
    assert (p50.metric, p50.state, p50.before, p50.after, p50.change_percent) == (
        "latency.p50",
        "Passed",
        "10ms",
        "10.2ms",
        2.0,
    )
    assert p95.metric == "latency.p95"
    assert runs.status.baseline.windows == 20


def test_a_regression_fails_with_both_values() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    assert runs.run(windows(15, wobble=0.01), BaselineSeen(windows(10))) == (Verdict.FAILED, "Regressed")
    assert "latency.p50 is 15ms, and was 10ms in run 1: 50.1 % worse, at least 48.6 %" in runs.status.message
    assert "10% are allowed" in runs.status.message


def test_what_may_be_noise_is_neither_passed_nor_failed() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    told = runs.run(windows(12, wobble=0.4), BaselineSeen(windows(10)))
    assert told == (Verdict.FAILED, "Regressed")  # p95 does not wobble
    runs = Runs(spec(baseline=TENTH | {"metrics": ["latency.p50"]}))
    runs.run(windows(10))
    runs.again()
    told = runs.run(windows(12, wobble=0.4), BaselineSeen(windows(10)))
    assert told == (Verdict.INCONCLUSIVE, "RegressionUncertain")
    assert "load longer" in runs.status.message


def test_a_run_that_did_not_pass_is_none_to_compare_with() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    runs.run(windows(15), BaselineSeen(windows(10)))
    runs.again()
    assert runs.run(windows(10), BaselineSeen(windows(10))) == (Verdict.PASSED, "Completed")
    assert runs.status.baseline.run == "1"
    runs.again()
    runs.turn()
    assert runs.status.baseline.run == "3"


@pytest.mark.parametrize("history", [0, 2])
def test_the_last_that_passed_stays_however_many_have_failed_since(history: int) -> None:
    runs = Runs(spec(history=history))
    runs.run(windows(10))
    for _ in range(14):
        runs.again()
        assert runs.run(windows(15), BaselineSeen(windows(10))) == (Verdict.FAILED, "Regressed")
        assert runs.status.baseline.report == ["report-1"]
    assert "report-1" not in runs.deleted
    runs.again()
    assert runs.run(windows(10), BaselineSeen(windows(10))) == (Verdict.PASSED, "Completed")
    runs.again()
    runs.run(windows(10), BaselineSeen(windows(10)))
    assert "report-1" in runs.deleted


@pytest.mark.parametrize(("history", "deleted"), [(0, ["report-1", "report-2", "report-3"]), (2, ["report-1"])])
def test_reports_of_runs_that_the_history_does_not_keep_are_deleted(history: int, deleted: list[str]) -> None:
    runs = Runs(load_test_spec(**LOAD, history=history))
    for _ in range(3):
        runs.run(windows(10))
        runs.again()
    runs.turn()
    assert runs.deleted == deleted


def test_waiting_and_mistakes_in_between_lose_nothing() -> None:
    runs = Runs(spec(history=0))
    runs.run(windows(10))
    runs.again()
    good: Any = runs.trial.subject.spec
    runs.trial.edited(good.model_copy(update={"suspend": True, "run": "x"}))
    runs.turn()
    assert runs.status.waiting
    assert runs.status.baseline.report == ["report-1"]
    runs.trial.edited(None, invalid="a mistake")
    runs.turn()
    runs.turn()
    assert runs.status.baseline.report == ["report-1"]
    runs.trial.edited(good)
    runs.trial.change(running=good)
    runs.turn()
    assert (runs.status.phase, runs.status.baseline.report) == ("Running", ["report-1"])
    assert "report-1" not in runs.deleted


def test_another_load_is_not_compared_but_another_threshold_is() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again(spec(thresholds=[{"expr": "errors.rate < 0.5"}], timeouts={"start": "1m"}))
    runs.turn()
    assert runs.status.baseline.run == "1"
    other = Runs()
    other.run(windows(10))
    other.again(spec(requests=[{"path": "/other"}]))
    assert other.run(windows(30)) == (Verdict.PASSED, "Completed")
    assert "no earlier run of this load has passed" in other.status.message


def test_a_run_by_name_whatever_its_verdict() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    runs.run(windows(15), BaselineSeen(windows(10)))
    runs.again(spec(baseline=TENTH | {"of": "2"}))
    assert runs.run(windows(15), BaselineSeen(windows(15))) == (Verdict.PASSED, "Completed")
    assert runs.status.baseline.run == "2"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"baseline": TENTH | {"of": "9"}}, "run 9 is not in status.history"),
        ({"baseline": TENTH | {"of": "1"}, "requests": [{"path": "/x"}]}, "run 1 was of another load"),
    ],
)
def test_a_run_by_name_that_cannot_be_compared_with_is_inconclusive(changed: dict[str, Any], said: str) -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again(spec(**changed))
    assert runs.run(windows(10)) == (Verdict.INCONCLUSIVE, "BaselineNotFound")
    assert said in runs.status.message


@pytest.mark.parametrize(
    ("read", "verdict"),
    [
        (BaselineSeen(unreadable="no answer"), (Verdict.INCONCLUSIVE, "BaselineUnreadable")),
        (BaselineSeen(gone="not found"), (Verdict.PASSED, "Completed")),
        (BaselineSeen(), (Verdict.INCONCLUSIVE, "TooFewWindows")),
        (BaselineSeen(windows(10, 14)), (Verdict.INCONCLUSIVE, "TooFewWindows")),
    ],
)
def test_what_was_read_of_the_other_run(read: BaselineSeen, verdict: tuple[Verdict, str]) -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    assert runs.run(windows(10), read) == verdict
    assert "run 1" in runs.status.message


def test_a_report_that_is_gone_is_inconclusive_for_a_run_by_name() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again(spec(baseline=TENTH | {"of": "1"}))
    assert runs.run(windows(10), BaselineSeen(gone="not found")) == (Verdict.INCONCLUSIVE, "BaselineNotFound")


def test_too_few_windows_never_pass_not_even_first() -> None:
    assert Runs().run(windows(10, 14)) == (Verdict.INCONCLUSIVE, "TooFewWindows")


def test_doubts_about_the_measurement_come_first() -> None:
    runs = Runs()
    runs.run(windows(10))
    runs.again()
    told = runs.run(windows(99), BaselineSeen(windows(10)), achieved_rate=50.0)
    assert told == (Verdict.INCONCLUSIVE, "RateNotAchieved")


def test_without_a_baseline_nothing_is_said_or_read() -> None:
    runs = Runs(load_test_spec(**LOAD))
    runs.run(windows(10))
    runs.again()
    runs.turn()
    assert runs.status.baseline is None
    assert runs.turn(1, **UP, loads={STEP: heard(1)}).activities.baseline == ()
