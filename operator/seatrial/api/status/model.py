"""What all pieces of status have in common."""

from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel

from seatrial.api.base import Model

#: Longest message in a step or service, in bytes; status stays small by construction.
MESSAGE_BYTES = 256
Message = Annotated[str, Field(max_length=1024)]


class StatusModel(Model):
    """A piece of status. Unknown fields are ignored: an older operator may read what a newer one wrote."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what is empty and may be: people read this."""
        optional = _optional_names(type(self))
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name not in optional or value not in ("", [], {})}


@cache
def _optional_names(model: type[StatusModel]) -> frozenset[str | None]:
    """Names of the fields that a model can do without, in Python's and in Kubernetes' spelling."""
    fields = model.model_fields.items()
    return frozenset(
        name for attribute, field in fields if not field.is_required() for name in (attribute, field.alias)
    )


class Timestamped(StatusModel):
    """Something with a beginning and an end."""

    started_at: str | None = Field(None, description="When it started.", json_schema_extra={"format": "date-time"})
    finished_at: str | None = Field(None, description="When it ended.", json_schema_extra={"format": "date-time"})
