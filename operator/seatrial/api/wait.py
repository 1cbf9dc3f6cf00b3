"""Waiting: for a time, or until an object of the environment has a condition."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, rules
from seatrial.api.duration import Duration


class WaitKind(StrEnum):
    """A kind of object that Seatrial watches."""

    DEPLOYMENT = "Deployment"
    JOB = "Job"
    POD = "Pod"


class WaitFor(Model):
    """A condition of an object that Seatrial made in the environment."""

    kind: WaitKind = Field(description="Deployment, Job or Pod.")
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)] = Field(
        description="Name of the object: of a Deployment the service's, of a Job step- and the step's name."
    )
    condition: Annotated[str, Field(pattern=r"^[A-Za-z][-A-Za-z0-9_./]*$", min_length=1, max_length=128)] = Field(
        description="Type of the condition that must be True, for example Available, Complete or Ready."
    )

    @property
    def title(self) -> str:
        """What is waited for, for a person."""
        return f"{self.kind} {self.name}"


class Wait(Model):
    """A pause, or waiting for a condition; the cluster tells, so nothing is asked again and again."""

    duration: Duration | None = Field(None, description="How long to wait.")
    for_: WaitFor | None = Field(None, alias="for", description="What to wait for, until the step's timeout.")

    model_config = {
        "json_schema_extra": rules(
            # `for` is a word of CEL's own, which Kubernetes writes like this.
            ("has(self.duration) != has(self.__for__)", "give one of duration and for"),
        )
    }

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.duration is None) == (self.for_ is None):
            raise ValueError("give one of duration and for")
        return self
