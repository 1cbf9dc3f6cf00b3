"""The matrix of a step: axes with values, of which every combination becomes an instance of the step."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from seatrial.api.base import Identifier, atomic

#: Axes of a matrix, and combinations that they may come to.
AXES = 4
COMBINATIONS = 64

#: Longest text on an axis, in characters.
_TEXT = 256
#: Whole numbers that JSON carries exactly wherever it is read (RFC 8259, section 6).
_WHOLE = 2**53

AxisValue: TypeAlias = str | int | float | bool


def _value(value: Any) -> AxisValue:
    match value:
        case bool():
            return value
        case str() if len(value) <= _TEXT and value.isprintable():
            return value
        case int() if abs(value) < _WHOLE:
            return value
        case float() if math.isfinite(value):
            return value
    raise ValueError(f"must be a text without control characters of at most {_TEXT}, a number, true or false")


def _different(values: list[Any]) -> list[Any]:
    seen = set()
    for value in values:
        kind = type(value) if isinstance(value, bool | str) else float
        if (kind, value) in seen:
            raise ValueError(f"{value!r} is given twice: keep one")
        seen.add((kind, value))
    return values


# A structural schema knows no unions, so what a value may be is said by the models alone.
_Value = Annotated[Any, AfterValidator(_value), WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True})]
_Axis = Annotated[
    list[_Value],
    Field(min_length=1, max_length=COMBINATIONS, json_schema_extra=atomic()),
    AfterValidator(_different),
]
Matrix: TypeAlias = dict[Identifier, _Axis]


def size(matrix: Mapping[str, list[Any]]) -> int:
    """How many combinations there are."""
    return math.prod(len(values) for values in matrix.values())


def combinations(matrix: Mapping[str, list[Any]]) -> list[dict[str, AxisValue]]:
    """All combinations, always in the same order.

    Axes go by their names, because the API server does not keep the order of a map; the last one turns fastest.
    """
    axes = sorted(matrix)
    return [dict(zip(axes, values, strict=True)) for values in product(*(matrix[axis] for axis in axes))]


def axis_types(matrix: Mapping[str, list[Any]]) -> tuple[tuple[str, str], ...]:
    """The CEL type of each axis. Numbers have none: the API server turns 1.0 into 1, and so into another type."""
    return tuple((axis, _axis_type(values)) for axis, values in sorted(matrix.items()))


def _axis_type(values: list[Any]) -> str:
    if all(isinstance(value, bool) for value in values):
        return "bool"
    return "string" if all(isinstance(value, str) for value in values) else "dyn"
