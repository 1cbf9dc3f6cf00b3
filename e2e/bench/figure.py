"""What a benchmark measures."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One number, with what it should be.

    Attributes:
        name: Stable name, for example ``load.vs_wrk``.
        value: What was measured.
        unit: Unit of the value, for example ``ms`` or ``x`` for a ratio.
        target: What it should be at most or at least.
        better: Whether a lower or a higher value is better.
        beside: Values that belong to it, such as those of peers.
        versions: What each program that it was measured with says of its version.
    """

    name: str
    value: float
    unit: str
    target: float
    better: Literal["lower", "higher"]
    beside: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the value is what it should be."""
        return self.value <= self.target if self.better == "lower" else self.value >= self.target
