"""Pods whose use of CPU and memory is sampled while load goes on."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Model, rules

#: The name that stands for the pods behind the target's Service.
TARGET: Final = "target"

_ONE = "target stands for the pods behind the target's Service and takes no selector; other names need one"

Label = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$")]
LabelKey = Annotated[str, Field(max_length=317, pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]


class Observe(Model):
    """Some pods of the namespace in which the load's workers run."""

    name: DnsName = Field(description="target for the pods behind the target's Service, or a name of your own.")
    selector: dict[LabelKey, Label] = Field(
        {}, max_length=10, description="Labels that the pods have. Required unless the name is target."
    )

    model_config = {
        "json_schema_extra": rules(
            (f"(self.name == '{TARGET}') != (has(self.selector) && self.selector.size() > 0)", _ONE)
        )
    }

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.name == TARGET) == bool(self.selector):
            raise ValueError(_ONE)
        return self
