"""The matrix of a step: axes with values, of which every combination becomes an instance of the step."""

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any, TypeAlias

from pydantic import Field, WithJsonSchema

from seatrial.api.base import Identifier, atomic

#: Axes of a matrix, and combinations that they may come to.
AXES = 4
COMBINATIONS = 64

#: Longest text on an axis, in characters.
_TEXT = 256
#: Whole numbers that JSON carries exactly wherever it is read (RFC 8259, section 6).
_WHOLE = 2**53

AxisValue: TypeAlias = str | int | float | bool


# A structural schema knows no unions, and rules see nothing without a type: what a value may be, `mistakes` says.
_Value = Annotated[Any, WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True})]
_Axis = Annotated[list[_Value], Field(min_length=1, max_length=COMBINATIONS, json_schema_extra=atomic())]
Matrix: TypeAlias = dict[Identifier, _Axis]


def mistakes(matrix: Mapping[str, list[Any]]) -> Iterator[tuple[str, str, str]]:
    """Finds values that no axis can have, and those that an axis has twice.

    Yields:
        Path below the matrix, the value, and what to do.
    """
    for axis, values in matrix.items():
        seen: set[tuple[type, AxisValue]] = set()
        for index, value in enumerate(values):
            place = f"{axis}[{index}]"
            if not _usable(value):
                yield place, "", f"write a text of at most {_TEXT} printable characters, a number, true or false"
                continue
            kind = type(value) if isinstance(value, bool | str) else float
            if (kind, value) in seen:
                yield place, repr(value), "is given twice: keep one"
            seen.add((kind, value))


def _usable(value: Any) -> bool:
    match value:
        case bool():
            return True
        case str():
            return len(value) <= _TEXT and value.isprintable()
        case int():
            return abs(value) < _WHOLE
        case float():
            return math.isfinite(value)
        case _:
            return False


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
