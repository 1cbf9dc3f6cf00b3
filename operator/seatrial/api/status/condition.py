"""Conditions, as all of Kubernetes has them."""

from typing import Annotated

from pydantic import Field

from seatrial.api.status.model import Message, StatusModel


class Condition(StatusModel):
    """A condition as Kubernetes has them (metav1.Condition)."""

    type: str = Field(description="Name of the condition.")
    status: Annotated[str, Field(pattern="^(True|False|Unknown)$")] = Field(description="True, False or Unknown.")
    observed_generation: int = Field(0, description="Generation of the spec that the condition is about.")
    last_transition_time: str = Field(
        description="When its status last changed.", json_schema_extra={"format": "date-time"}
    )
    reason: Annotated[str, Field(max_length=64)] = Field(description="Stable CamelCase word for a program to read.")
    message: Message = Field(description="Sentence for a person to read.")
