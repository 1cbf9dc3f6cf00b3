"""Durations as Kubernetes writes them: ``250ms``, ``90s``, ``1h30m``."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler, GetPydanticSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from seatrial.api.base import rules

#: What Go's time.ParseDuration takes, less signs and the units below a millisecond.
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
#: The longest duration taken, so that arithmetic with dates cannot overflow.
_LONGEST = timedelta(days=30)


def parse(text: str) -> timedelta:
    """Reads a duration.

    Args:
        text: For example ``1m30s``.

    Raises:
        ValueError: The text is not a duration, or longer than 30 days.
    """
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r} is not a duration: write for example 250ms, 90s or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than 30 days, the longest that Seatrial takes")
    return timedelta(seconds=seconds)


def text(duration: timedelta) -> str:
    """Writes a duration with the units a person would choose: ``2m``, ``1.5s``, ``12.34ms``, ``870µs``."""
    seconds = duration.total_seconds()
    if seconds == 0:
        return "0s"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}µs"
    if seconds < 1:
        return f"{seconds * 1000:.4g}ms"
    if seconds < 60:
        return f"{seconds:.4g}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n)


def spec_text(duration: timedelta) -> str:
    """Writes a duration exactly, in a form that :func:`parse` reads back."""
    milliseconds, microseconds = divmod(duration // timedelta(microseconds=1), 1000)
    if microseconds:
        return f"{milliseconds}.{microseconds:03d}ms"
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration: write for example 250ms, 90s or 1h30m")  # noqa: TRY004 - pydantic reports ValueError
    return parse(value)


def _core_schema(_source: Any, _handler: Any) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(
        _read, serialization=core_schema.plain_serializer_function_ser_schema(spec_text)
    )


def _json_schema(_schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    limit = rules(("duration(self) <= duration('720h')", "at most 720h, which is 30 days"))
    return {"type": "string", "pattern": PATTERN, "maxLength": 32, **limit}


#: A ``timedelta`` in Python, a string such as ``1m30s`` in a manifest.
Duration = Annotated[timedelta, GetPydanticSchema(_core_schema, _json_schema)]


def seconds(value: float) -> timedelta:
    """Shorthand for defaults in the models."""
    return timedelta(seconds=value)
