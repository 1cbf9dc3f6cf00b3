"""An answer, and what expressions see of it."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: timedelta

    def variables(self) -> dict[str, Any]:
        """The answer as the variables of an expression. ``response.json`` is absent if the body is not JSON."""
        values: dict[str, Any] = {
            "response.status": self.status,
            "response.headers": dict(self.headers),
            "response.text": _whole(self.body.decode(errors="replace")),
            "response.time": self.elapsed,
        }
        with suppress(ValueError, RecursionError):
            values["response.json"] = _whole(json.loads(self.body, parse_constant=_no_number, parse_float=_finite))
        return values


def _whole(value: Any) -> Any:
    """Replaces NUL in texts, at which the expression library ends them: what comes after it must count too."""
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_whole(entry) for entry in value]
        case dict():
            return {_whole(key): _whole(entry) for key, entry in value.items()}
        case _:
            return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON (RFC 8259, section 6)")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)
