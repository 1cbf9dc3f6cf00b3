"""How a tool ended."""

from dataclasses import dataclass
from enum import StrEnum


class EndingKind(StrEnum):
    """What the end of a tool means for its result."""

    GOOD = "Good"
    COMPLAINT = "Complaint"
    ERROR = "Error"


@dataclass(frozen=True)
class Ending:
    """How a tool ended.

    Attributes:
        kind: Good, with a complaint of the script about the service, or with an error of the script.
        message: What it said, for people.
    """

    kind: EndingKind
    message: str = ""
