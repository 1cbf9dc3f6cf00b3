"""The verdict of a run, from what became of its steps."""

from dataclasses import dataclass

from seatrial.api.status import StepState, StepStatus, Verdict

#: From what weighs most. An error comes before a failure: where we could not test, a failure may be its consequence,
#: and the system under test must not be blamed for it.
_WEIGHT = (
    (StepState.ERROR, Verdict.ERROR),
    (StepState.FAILED, Verdict.FAILED),
    (StepState.INCONCLUSIVE, Verdict.INCONCLUSIVE),
)


@dataclass(frozen=True)
class Judgement:
    """A verdict and why.

    Attributes:
        verdict: What the run means.
        reason: Stable CamelCase word.
        message: Sentence for a person.
    """

    verdict: Verdict
    reason: str
    message: str


def judge_steps(steps: list[StepStatus]) -> Judgement:
    """Judges a run whose steps have all ended.

    Args:
        steps: Their status. Required are those that are not optional and were not skipped, because another one ended
            in a way they did not ask for or because their own condition was false; they must have succeeded.
    """
    required = [step for step in steps if not step.optional]
    for state, verdict in _WEIGHT:
        bad = [step for step in required if step.state is state]
        if bad:
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            message = f"step {bad[0].name}: {bad[0].message or bad[0].reason}{more}"
            return Judgement(verdict, bad[0].reason, message)
    succeeded = sum(step.state is StepState.SUCCEEDED for step in required)
    if steps and not succeeded:
        return Judgement(Verdict.INCONCLUSIVE, "NoEvidence", "no required step ran, so there is nothing to judge by")
    if not steps:
        return Judgement(Verdict.PASSED, "EnvironmentHealthy", "every service became healthy; there are no steps")
    message = f"{succeeded} of {succeeded} steps succeeded{_besides(steps)}"
    return Judgement(Verdict.PASSED, "AllStepsSucceeded", message)


def _besides(steps: list[StepStatus]) -> str:
    """What a run that has passed should not keep to itself."""
    said = []
    flaky = [step for step in steps if step.flaky]
    if flaky:
        more = f" and {len(flaky) - 1} more" if len(flaky) > 1 else ""
        said.append(f"flaky: {flaky[0].name} needed {flaky[0].attempts} attempts{more}")
    optional = [step for step in steps if step.optional and step.state in dict(_WEIGHT)]
    if optional:
        more = f" and {len(optional) - 1} more" if len(optional) > 1 else ""
        said.append(f"optional: {optional[0].name} ended {optional[0].state}{more}")
    skipped = sum(step.state is StepState.SKIPPED for step in steps)
    if skipped:
        said.append(f"{skipped} skipped")
    return "".join(f"; {each}" for each in said)


def progress(steps: list[StepStatus]) -> str:
    """Steps that succeeded, of all that are required."""
    required = [step for step in steps if step.state is not StepState.SKIPPED and not step.optional]
    return f"{sum(step.state is StepState.SUCCEEDED for step in required)}/{len(required)}"
