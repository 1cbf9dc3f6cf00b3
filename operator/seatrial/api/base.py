"""What every model of the API has in common, and the words its fields are made of."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

GROUP = "seatrial.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class Model(BaseModel):
    """A closed, immutable piece of the API, spelt in camelCase as Kubernetes does.

    Closed, because an unknown field is a misspelt one: the API server prunes it silently unless the
    user asks for ``--validate=strict``, and ``seatrial validate`` must not.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        validate_default=True,
    )

    def to_kubernetes(self) -> dict[str, Any]:
        """Returns the JSON form that the API server stores: camelCase, without the fields that are unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def list_map(*keys: str) -> dict[str, Any]:
    """Marks a list as a map by the named keys, so that appliers own entries and not the whole list (KEP-555)."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


Entries = TypeVar("Entries", bound=Sequence[BaseModel])


def unique(key: str) -> AfterValidator:
    """Refuses two entries with the same key, as the API server does in a list that is a map.

    Args:
        key: The field that :func:`list_map` names.
    """

    def check(entries: Entries) -> Entries:
        seen = set()
        for entry in entries:
            value = getattr(entry, key)
            if value in seen:
                raise ValueError(f"{key} {value!r} is given twice: keep one")
            seen.add(value)
        return entries

    return AfterValidator(check)


#: Keyword of ours in a JSON schema: names of fields to leave out of what is referred to.
WITHOUT = "x-seatrial-without"


class Without:
    """Leaves fields out of a structural schema where they never have a value.

    Structural schemas know no references, so that a model is written out wherever it is used.
    """

    def __init__(self, *fields: str) -> None:
        self._fields = fields

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Says it to pydantic."""
        return {**handler(core), WITHOUT: self._fields}


def atomic() -> dict[str, Any]:
    """Marks a list as one value that is always replaced whole."""
    return {"x-kubernetes-list-type": "atomic"}


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Attaches CEL rules, each with the message a user reads, that the API server checks at admission."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


#: A DNS label that may name a Service (RFC 1035). 50 of its 63 bytes: prefixes and suffixes of ours need room.
DnsName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=50)]

#: A name that is usable as an identifier in an expression.
Identifier = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", min_length=1, max_length=50)]

#: An expression in CEL, bounded so that no expression can be costly to compile.
Expression = Annotated[str, Field(min_length=1, max_length=1024)]

#: Text that may hold ``${…}`` expressions.
Template = Annotated[str, Field(max_length=4096)]
