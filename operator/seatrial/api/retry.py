"""Retry: how often, after which results and how soon a step is attempted again."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, rules
from seatrial.api.duration import Duration, seconds

#: Shortest pause between two attempts, in seconds.
LEAST_PAUSE = 0.1


class RetryResult(StrEnum):
    """A result of an attempt after which there may be another one."""

    ERROR = "Error"
    FAILURE = "Failure"


class Backoff(Model):
    """The pause before each further attempt: it doubles, and is shortened by up to half so that retries spread."""

    initial: Duration = Field(
        seconds(1), description="Pause before the second attempt, at least 100ms; it doubles with each. Default 1s."
    )
    max: Duration = Field(seconds(30), description="Longest pause. Default 30s.")

    model_config = {
        "json_schema_extra": rules(
            (
                "!has(self.initial) || duration(self.initial) >= duration('100ms')",
                "backoff.initial must be at least 100ms",
            ),
            (
                "(has(self.max) ? duration(self.max) : duration('30s')) >= "
                "(has(self.initial) ? duration(self.initial) : duration('1s'))",
                "backoff.max must not be shorter than backoff.initial",
            ),
        )
    }

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.initial.total_seconds() < LEAST_PAUSE:
            raise ValueError("backoff.initial must be at least 100ms")
        if self.max < self.initial:
            raise ValueError("backoff.max must not be shorter than backoff.initial")
        return self


class Retry(Model):
    """Further attempts at a step that did not succeed. A run that needed one is marked as flaky."""

    limit: Annotated[int, Field(ge=1, le=10)] = Field(2, description="Further attempts, at most. Default 2.")
    on_results: list[RetryResult] = Field(
        [RetryResult.ERROR, RetryResult.FAILURE],
        min_length=1,
        max_length=2,
        description="Results of an attempt that lead to another one: Error, which Inconclusive counts as too, and "
        "Failure. Default: both.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    backoff: Backoff = Field(Backoff(), description="Pauses between attempts.")

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.on_results)) < len(self.on_results):
            raise ValueError("onResults gives a result twice: keep one")
        return self
