"""What the schema has against a spec, in words for whoever wrote it."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from seatrial.api.problem import Problem
from seatrial.api.suggestion import suggested

#: What patterns mean, for those that people meet.
_PATTERNS = {
    r"^[a-z]([-a-z0-9]*[a-z0-9])?$": "must be small letters, digits and dashes, and begin with a letter",
    r"^[a-zA-Z_][a-zA-Z0-9_]*$": "must be letters, digits and underscores, and begin with no digit",
    r"^/": "must begin with /",
    r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$": "must be a quantity such as 500m, 2, 64Mi or 1Gi",
}
#: Words for types that YAML gets wrong most often.
_TYPES = {
    "model_type": "must be a mapping of fields",
    "model_attributes_type": "must be a mapping of fields",
    "dict_type": "must be a mapping of names to values",
    "list_type": "must be a list: begin each entry with a dash",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "string_type": "must be text: put it in quotes",
}


def schema_mistake(kind: type[BaseModel], detail: Mapping[str, Any]) -> Problem:
    """Words one of pydantic's complaints.

    Args:
        kind: What was to be read.
        detail: The complaint, as of ``ValidationError.errors``.
    """
    parts = [part for part in detail["loc"] if part != "[key]"]  # pydantic's mark of a map's key
    path = "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return Problem(path, "", f"there is no such field; {_meant(kind, parts)}")
        case "missing":
            return Problem(path, "", "is required")
        case "string_pattern_mismatch":
            remedy = _PATTERNS.get(context["pattern"], f"must match {context['pattern']}")
        case "enum" | "literal_error":
            remedy = f"must be {context['expected']}".replace("'", "")
            if isinstance(given, str):
                known = [word for word in remedy.removeprefix("must be ").replace(" or ", ", ").split(", ") if word]
                close = suggested(given.capitalize(), known), suggested(given.upper(), known)
                remedy += next((f"; {one}" for one in close if one.startswith("did")), "")
        case "greater_than_equal":
            remedy = f"must be at least {context['ge']}"
        case "less_than_equal":
            remedy = f"must be at most {context['le']}"
        case "greater_than":
            remedy = f"must be more than {context['gt']}"
        case other:
            remedy = _TYPES.get(other, str(detail["msg"]).removeprefix("Value error, "))
    return Problem(path, shown(given) if isinstance(given, str | int | float) else "", remedy)


def shown(value: Any) -> str:
    """Writes a value for a message, shortened."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _meant(kind: type[BaseModel], loc: Sequence[int | str]) -> str:
    """Suggests one of the fields that there are where one was found that there is not."""
    models: list[type[BaseModel]] = [kind]
    for part in loc[:-1]:
        if isinstance(part, str):
            fields = [field for model in models for field in _fields(model).items()]
            models = [model for name, annotation in fields if name == part for model in _models(annotation)] or models
    said = suggested(str(loc[-1]), sorted({name for model in models for name in _fields(model)}))
    return said if said.startswith("did") else f"look for a wrong indentation; {said}"


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation, however lists, maps and optional fields wrap them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
