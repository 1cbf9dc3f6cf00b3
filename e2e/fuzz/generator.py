"""Random specs: from the structural schema of a kind, and by changing a good one."""

import copy
import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from e2e.fuzz.words import NAMES, ODD, PROPER

Schema = dict[str, Any]
Path = tuple[str | int, ...]

#: How often something is not what the schema asks for.
_WRONG = 0.02
_NUMBERS = (-1, 0, 1, 2, 3, 64, 65535, 65536, 2**31, 2**53, 2**63, 1.5, 1e308)


class Generator:
    """Makes random values.

    Args:
        random: Where randomness comes from; the same always leads to the same values.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def spec(self, schema: Schema, examples: list[Any]) -> Any:
        """Returns a spec from the schema, or an example that was changed in some places."""
        if examples and self._random.random() < 0.6:
            return self.changed(self._random.choice(examples), schema)
        return self.value(schema)

    def value(self, schema: Schema, depth: int = 0) -> Any:
        """Returns a value that a schema allows, most of the time."""
        if self._random.random() < _WRONG:
            return self._odd()
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        match schema.get("type"):
            case "object" if "properties" in schema:
                return self._object(schema, depth)
            case "object":
                inner = schema.get("additionalProperties") or {}
                names = self._random.sample(NAMES, self._random.choice((0, 1, 1, 2)))
                return {name: self.value(inner, depth + 1) for name in names}
            case "array":
                least = schema.get("minItems", 0)
                number = min(schema.get("maxItems", 9), least + self._random.choice((0, 1, 1, 2, 3)))
                return [self.value(schema["items"], depth + 1) for _ in range(number)]
            case "integer" | "number":
                return self._number(schema)
            case "boolean":
                return self._random.random() < 0.5
            case "string":
                return self._text(schema)
        return self._odd()

    def changed(self, example: Any, schema: Schema) -> Any:
        """Returns an example with a few things taken out, replaced, repeated, or added."""
        spec = copy.deepcopy(example)
        for _ in range(self._random.choice((1, 1, 2, 3))):
            places = list(_places(spec))
            if not places:
                break
            path = self._random.choice(places)
            holder = _at(spec, path[:-1])
            self._change(holder, path[-1], _schema_at(schema, path), spec)
        return spec

    def _change(self, holder: Any, key: Any, schema: Schema, spec: Any) -> None:
        match self._random.choice(("delete", "replace", "make", "repeat", "add", "odd")):
            case "delete":
                del holder[key]
            case "replace":
                others = list(_places(spec))
                holder[key] = copy.deepcopy(_at(spec, self._random.choice(others)))
            case "make":
                holder[key] = self.value(schema)
            case "repeat" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case "add" if isinstance(holder[key], dict) and schema.get("properties"):
                name = self._random.choice(list(schema["properties"]))
                holder[key][name] = self.value(schema["properties"][name])
            case _:
                holder[key] = self._odd()

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        wanted = 0.5 if depth < 2 else 0.3
        required = schema.get("required", [])
        return {
            name: self.value(inner, depth + 1)
            for name, inner in schema["properties"].items()
            if self._random.random() < (1 - _WRONG if name in required else wanted)
        }

    def _number(self, schema: Schema) -> float:
        least, most = schema.get("minimum", 0), schema.get("maximum", 100)
        if self._random.random() < _WRONG:
            return self._random.choice(_NUMBERS)
        return int(self._random.choice((least, most, least + 1, self._random.randint(least, most))))

    def _text(self, schema: Schema) -> str:
        if self._random.random() < _WRONG:
            return self._random.choice(ODD)
        fitting = [word for word in (*PROPER, *ODD) if _fits(word, schema)]
        proper = [word for word in fitting if word in PROPER]
        return self._random.choice(proper if proper and self._random.random() < 0.9 else fitting or PROPER)

    def _odd(self) -> Any:
        odd: list[Any] = [None, True, [], {}, [[]], {"a": None}, {"": 1}, [None], *_NUMBERS, *ODD, *PROPER]
        return self._random.choice(odd)


def _fits(word: str, schema: Schema) -> bool:
    length = schema.get("minLength", 0) <= len(word) <= schema.get("maxLength", 10_000)
    return length and re.search(schema.get("pattern", ""), word) is not None


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    entries: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from _places(entry, (*path, key))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _schema_at(schema: Schema, path: Path) -> Schema:
    """The schema of a place, as far as there is one."""
    for key in path:
        inner = schema.get("items") if isinstance(key, int) else (schema.get("properties") or {}).get(key)
        schema = inner or schema.get("additionalProperties") or {}
    return schema


def sendable(spec: Any) -> bool:
    """Whether a spec can be sent at all: JSON has no NaN, and half a surrogate is no text."""
    try:
        json.dumps(spec, allow_nan=False).encode()
    except ValueError:
        return False
    return True
