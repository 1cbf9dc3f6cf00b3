"""A status of either kind, seen as the same few lists."""

from collections.abc import Iterator

from seatrial.api.status import LoadResult, LoadTestStatus, ServiceStatus, StepStatus, TestScenarioStatus, TrialStatus


def services(status: TrialStatus) -> list[ServiceStatus]:
    """The services under trial; a LoadTest has none of its own."""
    return status.services if isinstance(status, TestScenarioStatus) else []


def steps(status: TrialStatus) -> list[tuple[str, list[StepStatus]]]:
    """The steps of setup, of the trial itself and of teardown, each under its heading; empty lists are left out."""
    if not isinstance(status, TestScenarioStatus):
        return []
    parts = [("setup", status.setup), ("steps", status.steps), ("teardown", status.teardown)]
    return [(heading, entries) for heading, entries in parts if entries]


def loads(status: TrialStatus) -> Iterator[tuple[str, LoadResult]]:
    """Yields each result of load with the name of its step, which is empty for a LoadTest."""
    if isinstance(status, LoadTestStatus) and status.result:
        yield "", status.result
    for _, entries in steps(status):
        for step in entries:
            if step.load:
                yield step.name, step.load
