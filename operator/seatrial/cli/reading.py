"""What an object says about one run, and never about the one before it."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from seatrial.api.status import LoadTestStatus, Phase, TestScenarioStatus, TrialStatus, Verdict
from seatrial.cli.exits import BY_VERDICT, Exit
from seatrial.kube.resources import TEST_SCENARIOS, Resource
from seatrial.report.wording import condition, is_true


@dataclass(frozen=True)
class Unnoticed:
    """The operator has not seen this generation of the spec yet."""


@dataclass(frozen=True)
class Waiting:
    """The operator reacts, and has not started the run yet; an earlier one may still be taken away."""

    message: str


@dataclass(frozen=True)
class Going:
    """The run is under way, or its environment is being taken away."""

    status: TrialStatus


@dataclass(frozen=True)
class Ended:
    """There is nothing more to wait for.

    Attributes:
        exit: What it means for a pipeline.
        verdict: The verdict, if there is one.
        reason: Stable CamelCase word.
        message: Sentence for a person.
        status: The run's last status; None if there was no run.
    """

    exit: Exit
    verdict: Verdict | None
    reason: str
    message: str
    status: TrialStatus | None = None


Reading = Unnoticed | Waiting | Going | Ended


class UnknownStatus(ValueError):
    """The operator writes what this version of the command does not understand."""


def parse_status(resource: Resource, content: Any) -> TrialStatus:
    """Reads a status.

    Raises:
        UnknownStatus: It is not one that this version knows.
    """
    model = TestScenarioStatus if resource == TEST_SCENARIOS else LoadTestStatus
    try:
        return model.model_validate(content or {})
    except ValidationError as error:
        raise UnknownStatus(
            "the operator writes a status that this version of seatrial does not know; install the operator's version: "
            f"{error.errors(include_url=False)[0]['msg']}"
        ) from error


def read(status: TrialStatus, generation: int) -> Reading:
    """Tells where the run of one generation of the spec is.

    A status is about that run only if it has observed the generation, and its ``run`` is of it: until then it still
    carries an earlier verdict.

    Args:
        status: The resource's status.
        generation: ``metadata.generation`` of the spec that is meant.
    """
    if status.observed_generation < generation:
        earlier = status.phase is Phase.TEARDOWN
        return Waiting("an earlier run is being taken away") if earlier else Unnoticed()
    run = status.run.generation if status.run else 0
    stalled = condition(status, "Stalled")
    if stalled and is_true(stalled) and stalled.observed_generation >= generation and run < generation:
        invalid = stalled.reason == "InvalidSpec"
        return Ended(Exit.INVALID if invalid else Exit.ERROR, None, stalled.reason, stalled.message)
    if run < generation:
        ready = condition(status, "Ready")
        return Waiting(ready.message if ready else "")
    if run > generation:
        return _replaced(status, generation)
    return _ended(status) if _finished(status, generation) else Going(status)


def judged(status: TrialStatus, generation: int) -> Ended | None:
    """The end of that generation's run as soon as its verdict has fallen, though it may not be taken away yet."""
    ours = status.run is not None and status.run.generation == generation
    return _ended(status) if ours and is_true(condition(status, "Complete")) else None


def _finished(status: TrialStatus, generation: int) -> bool:
    # What `retain` keeps may be there for hours: a pipeline must not stand still while somebody looks into it.
    over = status.phase is Phase.RETAINED or is_true(condition(status, "TornDown"))
    complete = condition(status, "Complete")
    return over and complete is not None and is_true(complete) and complete.observed_generation >= generation


def _ended(status: TrialStatus) -> Ended:
    if status.verdict is None:
        return Ended(Exit.ERROR, None, "NoVerdict", "the run is complete and has no verdict", status)
    return Ended(BY_VERDICT[status.verdict], status.verdict, status.reason, status.message, status)


def _replaced(status: TrialStatus, generation: int) -> Ended:
    """Somebody changed the spec meanwhile; the history may still tell what became of the run."""
    past = next((entry for entry in status.history if entry.id == str(generation)), None)
    if past:
        message = "somebody has changed the spec since: the details are gone"
        return Ended(BY_VERDICT[past.verdict], past.verdict, past.reason, message)
    message = "somebody changed the spec while the run was going on, which started another one"
    return Ended(Exit.CANCELLED, Verdict.CANCELLED, "Replaced", message)
