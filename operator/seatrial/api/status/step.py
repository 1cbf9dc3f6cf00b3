"""What becomes of a step."""

from typing import Any

from pydantic import Field

from seatrial.api.status.load import LoadResult
from seatrial.api.status.model import Message, StatusModel, Timestamped
from seatrial.api.status.state import StepState


class JUnitCounts(StatusModel):
    """What the JUnit files of a Job say; all cases are in the report."""

    tests: int = Field(0, description="Test cases.")
    failures: int = Field(0, description="Cases whose assertion failed.")
    errors: int = Field(0, description="Cases that broke.")
    skipped: int = Field(0, description="Cases that did not run.")
    failing: list[str] = Field(
        [],
        max_length=5,
        description="Names of the first cases that failed or broke.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class StepStatus(Timestamped):
    """One step: where it is or how it ended."""

    name: str = Field(description="Name of the step.")
    state: StepState = Field(
        StepState.PENDING,
        description="Pending, Running, Succeeded, Failed, Error, Inconclusive, Skipped or Cancelled.",
    )
    reason: str = Field("", description="Stable CamelCase word for the state.")
    message: Message = Field("", description="Sentence for a person to read, at most 256 bytes.")
    attempts: int = Field(0, description="Times it was started. startedAt is about the last one.")
    flaky: bool | None = Field(None, description="True if it succeeded only when it was attempted again.")
    optional: bool | None = Field(None, description="True if its end leaves the verdict alone.")
    instance_of: str = Field("", description="Name of the step with the matrix, if it is an instance of one.")
    matrix: dict[str, Any] = Field(
        {},
        description="Value of each axis of the matrix; a long text is cut.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    next_attempt_at: str | None = Field(
        None, description="When it is attempted again.", json_schema_extra={"format": "date-time"}
    )
    captures: dict[str, Any] = Field(
        {},
        description="Values that the step kept for later ones.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    load: LoadResult | None = Field(None, description="Result of the load, if the step is one.")
    junit: JUnitCounts | None = Field(None, description="Result of the test cases, if the step is a Job with junit.")
