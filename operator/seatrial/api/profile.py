"""How much load, of which kind, and for how long."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, atomic, rules
from seatrial.api.duration import Duration, seconds

#: Levels beyond which nobody has tried a load.
HIGHEST_RATE, MOST_USERS = 1_000_000, 100_000
_LONGEST = seconds(86_400)

ONE_MODEL = "give one of rate (open model) and users (closed model)"
_ALIKE = "stages must all have rate (open model) or all users (closed model), and so must what they start from"
_ONE_LENGTH = "give one of duration and stages"
_LIMIT = "maxInFlight belongs to the open model: give rate"
_ARRIVALS = "arrivals by chance belong to the open model: give rate"
_OPEN = "has(self.rate) || has(self.stages) && self.stages.exists(s, has(s.rate))"
_STAGED = "has(self.stages) && self.stages.size() > 0"
_SUM = "self.stages.map(s, duration(s.duration)).sum()"


class ArrivalPattern(StrEnum):
    """How the arrivals of the open model are spread over time."""

    CONSTANT = "Constant"
    POISSON = "Poisson"


class Stage(Model):
    """A part of a load in which its level goes in a straight line to another one."""

    duration: Duration = Field(description="How long it takes. 0s is a jump.")
    rate: Annotated[int, Field(ge=0, le=HIGHEST_RATE)] | None = Field(
        None, description="Open model: requests that start per second, over all workers, at its end."
    )
    users: Annotated[int, Field(ge=0, le=MOST_USERS)] | None = Field(
        None, description="Closed model: users over all workers at its end."
    )


class Profile(Model):
    """How much load and for how long: open model by ``rate`` or closed model by ``users``."""

    rate: Annotated[int, Field(ge=1, le=HIGHEST_RATE)] | None = Field(
        None,
        description="Open model: requests that start per second, over all workers, whether or not earlier ones "
        "have been answered. With stages the rate that the first one starts from, by default 0.",
    )
    users: Annotated[int, Field(ge=1, le=MOST_USERS)] | None = Field(
        None,
        description="Closed model: users over all workers, each sending its next request when the last is answered. "
        "With stages the users that the first one starts from, by default 0.",
    )
    stages: list[Stage] = Field(
        [],
        max_length=50,
        description="Levels that load goes to, one after the other, each in a straight line from the one before. They "
        "give all rate or all users, and their durations are the whole length of the load.",
        json_schema_extra=atomic(),
    )
    arrivals: ArrivalPattern = Field(
        ArrivalPattern.CONSTANT,
        description="Open model: Constant spaces arrivals evenly. Poisson has them come independently of one another, "
        "as those of many people do: gaps are exponential, and rate is their mean. Default Constant.",
    )
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None,
        description="Open model: requests that may be unanswered at a time, over all workers. An arrival beyond it "
        "is dropped and counted. Default: twice the highest rate, at least 100 and at most 20000.",
    )
    iterations: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        None,
        description="Requests, or flows, after which load ends, over all workers, those of the warm-up not counted. If "
        "duration, or the stages, end first, the result is inconclusive.",
    )
    graceful_stop: Duration | None = Field(
        None,
        description="Time that what is not done at the end is still given: flows go on, and requests are waited for no "
        "longer. Default: flows end with the request that is unanswered, which has its requestTimeout.",
    )
    duration: Duration | None = Field(
        None, description="Time for which load is measured, after the warm-up. Required without stages."
    )
    warmup: Duration = Field(
        seconds(0),
        description="Time at the start whose requests are sent but not measured. It comes before duration; with stages "
        "it is the first part of them. Default 0s.",
    )

    model_config = {
        "json_schema_extra": rules(
            (f"{_STAGED} || !has(self.rate) || !has(self.users)", ONE_MODEL),
            (
                f"!({_STAGED}) || !has(self.users) && self.stages.all(s, has(s.rate) && !has(s.users)) || "
                "!has(self.rate) && self.stages.all(s, has(s.users) && !has(s.rate))",
                _ALIKE,
            ),
            (
                f"!has(self.maxInFlight) || {_OPEN}",
                _LIMIT,
            ),
            (f"!has(self.arrivals) || self.arrivals == 'Constant' || {_OPEN}", _ARRIVALS),
            (f"has(self.duration) != ({_STAGED})", _ONE_LENGTH),
            ("!has(self.duration) || duration(self.duration) >= duration('1s')", "duration must be at least 1s"),
            ("!has(self.duration) || duration(self.duration) <= duration('24h')", "duration must be at most 24h"),
            (
                f"!({_STAGED}) || {_SUM} >= duration('1s') + (has(self.warmup) ? duration(self.warmup) : "
                "duration('0s'))",
                "stages must last at least 1s longer than warmup",
            ),
            (f"!({_STAGED}) || {_SUM} <= duration('24h')", "stages must last at most 24h"),
        )
    }

    @property
    def scripted(self) -> bool:
        """Whether it leaves it to a script how much load there is."""
        return not self.stages and self.rate is None and self.users is None

    @property
    def open(self) -> bool:
        """Whether it is the open model."""
        return self.rate is not None or any(stage.rate is not None for stage in self.stages)

    @property
    def start(self) -> int:
        """The rate, or the users, at the start."""
        return (self.rate if self.open else self.users) or 0

    @property
    def peak(self) -> int:
        """The highest rate, or the most users."""
        return max(self.start, *(stage.rate or stage.users or 0 for stage in self.stages), 0)

    @property
    def length(self) -> timedelta:
        """Time for which load is sent, warm-up included."""
        if self.duration is not None:
            return self.warmup + self.duration
        return sum((stage.duration for stage in self.stages), timedelta())

    @property
    def measured(self) -> timedelta:
        """Time for which load is measured."""
        return self.length - self.warmup

    @property
    def idle(self) -> bool:
        """Whether nothing is sent after the warm-up."""
        level, elapsed = self.start, timedelta()
        if not self.stages:
            return level == 0
        for stage in self.stages:
            before, level = level, stage.rate or stage.users or 0
            elapsed += stage.duration
            if stage.duration and elapsed > self.warmup and before + level > 0:
                return False
        return True

    @property
    def arriving(self) -> float:
        """Requests or flows that begin in the open model, those of the warm-up included."""
        level, total = self.start, 0.0
        for stage in self.stages:
            before, level = level, stage.rate or 0
            total += (before + level) / 2 * stage.duration.total_seconds()
        return total if self.stages else level * self.length.total_seconds()

    def reached(self, level: int) -> timedelta:
        """Time until the level is as high for the first time; that of all stages if it never is."""
        now, elapsed = self.start, timedelta()
        for stage in self.stages:
            before, now = now, stage.rate or stage.users or 0
            if max(before, now) >= level:
                return elapsed + stage.duration * (max(level - before, 0) / max(now - before, 1))
            elapsed += stage.duration
        return elapsed

    @property
    def in_flight_limit(self) -> int:
        """Requests that may be unanswered at a time, over all workers, in the open model."""
        return self.max_in_flight or min(max(2 * self.peak, 100), 20_000)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if not self.stages and self.rate is not None and self.users is not None:
            raise ValueError(ONE_MODEL)
        # Whether anything says rate, and whether anything says users.
        kinds = {(stage.rate is not None, stage.users is not None) for stage in self.stages}
        kinds |= {(self.rate is not None, self.users is not None)} - {(False, False)}
        if self.stages and kinds not in ({(True, False)}, {(False, True)}):
            raise ValueError(_ALIKE)
        if self.max_in_flight is not None and not self.open:
            raise ValueError(_LIMIT)
        if self.arrivals is not ArrivalPattern.CONSTANT and not self.open:
            raise ValueError(_ARRIVALS)
        return self

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.duration is None) == (not self.stages):
            raise ValueError(_ONE_LENGTH)
        if self.duration is not None and not seconds(1) <= self.duration <= _LONGEST:
            raise ValueError("duration must be from 1s to 24h")
        if self.measured < seconds(1):
            raise ValueError("stages must last at least 1s longer than warmup")
        if self.stages and self.length > _LONGEST:
            raise ValueError("stages must last at most 24h")
        return self
