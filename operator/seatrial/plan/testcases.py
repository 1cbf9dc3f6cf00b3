"""What the test cases of a Job mean, beside the exit code of its container."""

from dataclasses import replace

from seatrial.api.outcome import Outcome
from seatrial.api.status import JUnitCounts, StepState
from seatrial.plan.observed import FilesSeen, PodSeen


def judge_test_cases(pod: PodSeen, outcome: Outcome, files: FilesSeen | None) -> Outcome | None:
    """Judges a container that had to write JUnit files.

    Args:
        pod: Its pod.
        outcome: What its end alone means.
        files: What was read of its files.

    Returns:
        Its outcome, or None while the files are being read. Whatever keeps them from being read is an error, because
        then nobody knows what was tested.
    """
    if outcome.state is StepState.ERROR:
        return outcome
    if not pod.hands_over:
        return Outcome(StepState.ERROR, "JUnitMissing", f"pod {pod.name} has no sidecar to read its JUnit files")
    if files is None:
        return None
    counts = files.junit
    if counts is None:
        return Outcome(StepState.ERROR, files.reason, f"{files.message} ({outcome.message})")
    bad = counts.failures + counts.errors
    if bad:
        message = f"{bad} of {counts.tests} tests failed: {', '.join(counts.failing)}"
        more = bad - len(counts.failing)
        message += f" and {more} more" if more > 0 and counts.failing else ""
        return Outcome(StepState.FAILED, "TestsFailed", message, junit=counts)
    if outcome.state is StepState.FAILED:
        message = f"{outcome.message}, though none of its {counts.tests} tests failed"
        return replace(outcome, message=message, junit=counts)
    return _judge_success(counts)


def _judge_success(counts: JUnitCounts) -> Outcome:
    """No test that ran is no evidence, whatever the exit code."""
    skipped = f", {counts.skipped} skipped" if counts.skipped else ""
    if counts.tests - counts.skipped <= 0:
        return Outcome(StepState.INCONCLUSIVE, "NoTests", f"no test ran ({counts.tests} tests{skipped})", junit=counts)
    return Outcome(StepState.SUCCEEDED, "Completed", f"exit code 0, {counts.tests} tests{skipped}", junit=counts)
