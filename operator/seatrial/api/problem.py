"""A user's mistake, in words for the user."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A user's mistake.

    Attributes:
        field: Path of the field, for example ``spec.steps[2].needs[0].step``.
        value: What it holds, shortened.
        remedy: What is wrong with it and what to do.
    """

    field: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value}: {self.remedy}" if self.value else f"{self.field}: {self.remedy}"
