"""What came of one attempt at a step: the evidence that verdicts are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.api.status import MESSAGE_BYTES, JUnitCounts, StepState


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        state: An end state: Succeeded, Failed, Error or Inconclusive.
        reason: Stable CamelCase word.
        message: Sentence for a person.
        captures: Values kept for later steps.
        secrets: The same of those that are shown nowhere; never in status.
        junit: What its test cases came to.
    """

    state: StepState
    reason: str
    message: str = ""
    captures: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    junit: JUnitCounts | None = None


def shortened(message: str, limit: int = MESSAGE_BYTES) -> str:
    """Cuts a message to a number of bytes of UTF-8, so that status stays small by construction."""
    line = " ".join(message.split())
    encoded = line.encode()
    if len(encoded) <= limit:
        return line
    return encoded[: limit - 3].decode(errors="ignore") + "…"
