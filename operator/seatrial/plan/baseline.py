"""The run that a load test is compared with: which one it is, and what comes of the comparison."""

from seatrial.api.baseline import LAST_PASSED, Baseline, Metric
from seatrial.api.duration import seconds, text
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import Outcome
from seatrial.api.status import (
    BaselineStatus,
    LoadTestStatus,
    MetricComparison,
    RunSummary,
    StepState,
    ThresholdState,
    Verdict,
)
from seatrial.plan.observed import BaselineSeen, LoadSeen, Observed
from seatrial.plan.regression import ERROR, LEAST_WINDOWS, Shift, shift
from seatrial.plan.trial import remembered

_FIRST = "no earlier run of this load has passed: the first that does is what later ones are compared with"


def chosen(spec: LoadTestSpec | None, before: LoadTestStatus) -> BaselineStatus | None:
    """Says which run the next one is compared with.

    It stands in status from then on, so that neither a restart nor a history that runs over loses it, and its report
    stays for as long.

    Args:
        spec: The load test; None while its spec is invalid, when the last choice stays.
        before: Its status until now.
    """
    if spec is None:
        return _bare(before.baseline) if before.baseline else None
    if spec.baseline is None:
        return None
    runs = [_reference(run) for run in remembered(before)]
    if before.baseline is not None and before.baseline.run:
        runs.append(_bare(before.baseline))
    if spec.baseline.of == LAST_PASSED:
        same = (run for run in runs if run.verdict is Verdict.PASSED and run.load_hash == spec.load_hash and run.report)
        return next(same, BaselineStatus(message=_FIRST))
    run = next((run for run in runs if run.run == spec.baseline.of), None)
    if run is None:
        return BaselineStatus(run=spec.baseline.of, message=f"run {spec.baseline.of} is not in status.history")
    if run.load_hash != spec.load_hash:
        return BaselineStatus(run=run.run, message=f"run {run.run} was of another load")
    return run if run.report else BaselineStatus(run=run.run, message=f"run {run.run} has left no report")


def wanted(baseline: BaselineStatus | None, observed: Observed) -> tuple[str, ...]:
    """The ConfigMaps to read before the verdict."""
    return tuple(baseline.report) if baseline is not None and observed.baseline is None else ()


def compared(
    spec: LoadTestSpec, baseline: BaselineStatus | None, seen: LoadSeen, read: BaselineSeen | None, good: Outcome
) -> tuple[BaselineStatus | None, Outcome | None]:
    """Compares a run that is good otherwise.

    Args:
        spec: The load test.
        baseline: The run that was chosen for it.
        seen: What its workers have told to the end.
        read: What was read of the other run.
        good: What it has come to without a comparison.

    Returns:
        The choice with what came of it, and the outcome; None while the other run has not been read.
    """
    if spec.baseline is None or baseline is None:
        return baseline, good
    if len(seen.windows) < LEAST_WINDOWS:
        # A run that others are to be compared with must have them too.
        return baseline, _inconclusive("TooFewWindows", _few(len(seen.windows)))
    if not baseline.report:
        if baseline.run:
            return baseline, _inconclusive("BaselineNotFound", baseline.message)
        return baseline, _noted(good, baseline.message)
    if read is None:
        return baseline, None
    if read.unreadable:
        message = f"run {baseline.run}, to compare with, cannot be read: {read.unreadable}"
        return _said(baseline, message), _inconclusive("BaselineUnreadable", message)
    if read.gone:
        message = f"run {baseline.run}, to compare with, has no report any more: {read.gone}"
        pinned = spec.baseline.of != LAST_PASSED
        outcome = _inconclusive("BaselineNotFound", message) if pinned else _noted(good, message)
        return _said(baseline, message), outcome
    return _judged(spec.baseline, baseline, seen, read, good)


def _judged(
    asked: Baseline, baseline: BaselineStatus, seen: LoadSeen, read: BaselineSeen, good: Outcome
) -> tuple[BaselineStatus, Outcome]:
    metrics, windows = [], 0
    for metric in asked.metrics:
        found = shift(read.windows, seen.windows, metric, ERROR / len(asked.metrics))
        if found is None:
            message = f"{metric} cannot be compared with run {baseline.run}: {_few(0)}"
            return _said(baseline, message), _inconclusive("TooFewWindows", message)
        metrics.append(_worded(metric, found, asked.allowed))
        windows = max(windows, found.windows)
    baseline = baseline.model_copy(update={"metrics": metrics, "windows": windows})
    for state, outcome in ((ThresholdState.FAILED, _regressed), (ThresholdState.NO_DATA, _uncertain)):
        worst = max((one for one in metrics if one.state is state), key=lambda one: one.change_percent, default=None)
        if worst is not None:
            return baseline, outcome(worst, baseline.run, asked)
    return baseline, _noted(good, f"no worse than run {baseline.run} by more than {asked.max_regression}")


def _worded(metric: Metric, found: Shift, allowed: float) -> MetricComparison:
    state = ThresholdState.PASSED
    if found.least is not None and found.least > allowed:
        state = ThresholdState.FAILED
    elif found.change > allowed:
        state = ThresholdState.NO_DATA
    return MetricComparison(
        metric=metric.value,
        state=state,
        before=_value(metric, found.before),
        after=_value(metric, found.after),
        change_percent=round(100 * found.change, 1),
        least_percent=None if found.least is None else round(100 * found.least, 1),
    )


def _value(metric: Metric, value: float) -> str:
    return f"{value:.4g}/s" if metric is Metric.RATE else text(seconds(value / 1000))


def _regressed(worst: MetricComparison, run: str, asked: Baseline) -> Outcome:
    message = (
        f"{worst.metric} is {worst.after}, and was {worst.before} in run {run}: {worst.change_percent:g} % worse, at "
        f"least {worst.least_percent:g} %, where {asked.max_regression} are allowed"
    )
    return Outcome(StepState.FAILED, "Regressed", message)


def _uncertain(worst: MetricComparison, run: str, asked: Baseline) -> Outcome:
    least = "" if worst.least_percent is None else f", though perhaps only {worst.least_percent:g} %"
    return _inconclusive(
        "RegressionUncertain",
        f"{worst.metric} is {worst.after}, and was {worst.before} in run {run}: {worst.change_percent:g} % worse"
        f"{least}, where {asked.max_regression} are allowed: load longer, or on a quieter cluster",
    )


def _few(there: int) -> str:
    return (
        f"there are {there or 'too few'} windows{'' if there else ' in common'}, and {LEAST_WINDOWS} are needed: "
        "load longer; a restart of the operator may have cost some"
    )


def _noted(good: Outcome, note: str) -> Outcome:
    return Outcome(good.state, good.reason, f"{good.message}; {note}")


def _said(baseline: BaselineStatus, message: str) -> BaselineStatus:
    return baseline.model_copy(update={"message": message[:1000]})


def _inconclusive(reason: str, message: str) -> Outcome:
    return Outcome(StepState.INCONCLUSIVE, reason, message)


def _reference(run: RunSummary) -> BaselineStatus:
    return BaselineStatus(run=run.id, verdict=run.verdict, load_hash=run.load_hash, report=run.report)


def _bare(baseline: BaselineStatus) -> BaselineStatus:
    """The choice without what came of it."""
    return BaselineStatus(
        run=baseline.run, verdict=baseline.verdict, load_hash=baseline.load_hash, report=baseline.report
    )
