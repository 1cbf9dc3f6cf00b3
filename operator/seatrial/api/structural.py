"""From pydantic's JSON schema to a structural schema, the dialect that CustomResourceDefinitions take.

What a structural schema is: Kubernetes' documentation of custom resources, section "Specifying a structural schema",
and KEP-2335. The conversion knows what it lets through; anything else is refused here and not by an API server later.
"""

from collections.abc import Mapping
from typing import Any

from seatrial.api.base import WITHOUT

Schema = dict[str, Any]

#: Keywords that are copied as they are, in the order in which they are written.
_COPIED = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "not",
    "items",
    "properties",
    "additionalProperties",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
)
_ALLOWED = frozenset(_COPIED)
#: Defaults are said by the description: the API server's own would fill every object read back, and every GitOps diff.
_DROPPED = frozenset({"title", "default"})
_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
#: What means the same to pydantic and to Kubernetes. `duration` does not: ISO 8601 to one, Go's to the other.
_FORMATS = frozenset({"date-time", "int32", "int64", "double"})


class NotStructuralError(ValueError):
    """A model says something that a CustomResourceDefinition cannot, or must not, say.

    Attributes:
        path: Where in the resource, for example ``spec.steps[].capture``.
        keyword: The keyword of the JSON schema that is at fault.
    """

    def __init__(self, path: str, keyword: str, remedy: str) -> None:
        self.path = path
        self.keyword = keyword
        super().__init__(f"{path}: {keyword}: {remedy}")


def structural(schema: Mapping[str, Any], *, path: str, bounded: bool) -> Schema:
    """Converts what ``model_json_schema()`` returned.

    Args:
        schema: The model's schema, with its ``$defs``.
        path: What the model is called in errors, for example ``spec``.
        bounded: Whether strings, lists and maps must say their greatest size. CEL rules over what is unbounded are
            refused by the API server for their estimated cost.

    Raises:
        NotStructuralError: The schema has a keyword that structural schemas have not, a recursion, a field without a
            description, or something unbounded that must be bounded.
    """
    return _Conversion(schema.get("$defs", {}), bounded=bounded).node(schema, path, ())


class _Conversion:
    def __init__(self, definitions: Mapping[str, Any], *, bounded: bool) -> None:
        self._definitions = definitions
        self._bounded = bounded

    def node(self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> Schema:
        """Converts one node; `inside` names the definitions around it, to find recursion."""
        schema, inside = self._resolved(schema, path, inside)
        schema = _without_fields(_without_closing(_with_map_values(schema, path), path), path)
        if "const" in schema:
            schema = {**schema, "enum": [schema["const"]]}
            del schema["const"]
        for keyword in schema:
            if keyword not in _ALLOWED and keyword not in _DROPPED:
                raise NotStructuralError(path, keyword, "structural schemas have no such keyword: model it otherwise")
        node = {keyword: schema[keyword] for keyword in _COPIED if keyword in schema}
        if "description" in node:
            node["description"] = " ".join(node["description"].replace("``", "`").split())
        self._check(node, path)
        if "items" in node:
            node["items"] = self.node(node["items"], f"{path}[]", inside)
        if "additionalProperties" in node:
            node["additionalProperties"] = self.node(node["additionalProperties"], f"{path}.*", inside)
        if "properties" in node:
            node["properties"] = {
                name: self._field(field, f"{path}.{name}", inside) for name, field in node["properties"].items()
            }
        return node

    def _field(self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> Schema:
        node = self.node(schema, path, inside)
        if "description" not in node:
            raise NotStructuralError(path, "description", "every field explains itself to `kubectl explain`: give one")
        return node

    def _resolved(
        self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...]
    ) -> tuple[Schema, tuple[str, ...]]:
        """Inlines references and collapses ``X | None`` to X, until neither is left."""
        node = {keyword: value for keyword, value in schema.items() if keyword != "$defs"}
        while "$ref" in node or "anyOf" in node:
            if "$ref" in node:
                name = node.pop("$ref").removeprefix("#/$defs/")
                if name in inside:
                    raise NotStructuralError(
                        path, "$ref", f"{name} contains itself, which no structural schema can say"
                    )
                inside = (*inside, name)
                inlined = self._definitions[name]
            else:
                inlined = _only_choice(node.pop("anyOf"), path)
            node = _merged(inlined, node)
        return node, inside

    def _check(self, node: Schema, path: str) -> None:
        kind = node.get("type")
        if kind is None and node.get("x-kubernetes-preserve-unknown-fields"):
            return
        if kind not in _TYPES:
            raise NotStructuralError(path, "type", f"{kind!r} is not one of {', '.join(sorted(_TYPES))}")
        if node.get("format", "date-time") not in _FORMATS:
            raise NotStructuralError(path, "format", f"{node['format']!r} is not one that Kubernetes reads alike")
        if "properties" in node and "additionalProperties" in node:
            raise NotStructuralError(path, "additionalProperties", "an object has fields or is a map, not both")
        if kind == "array":
            if not isinstance(node.get("items"), Mapping):
                raise NotStructuralError(path, "items", "a list needs one schema for all its items")
            if "x-kubernetes-list-type" not in node:
                raise NotStructuralError(path, "x-kubernetes-list-type", "say how appliers share the list")
        if self._bounded:
            _check_bounds(node, path)


def _check_bounds(node: Schema, path: str) -> None:
    kind = node["type"]
    if kind == "string" and not node.keys() & {"maxLength", "enum", "format"}:
        raise NotStructuralError(path, "maxLength", "a string needs its greatest length, for CEL's cost estimate")
    if kind == "array" and "maxItems" not in node:
        raise NotStructuralError(path, "maxItems", "a list needs its greatest size, for CEL's cost estimate")
    if "additionalProperties" in node and "maxProperties" not in node:
        raise NotStructuralError(path, "maxProperties", "a map needs its greatest size, for CEL's cost estimate")


def _only_choice(choices: list[Schema], path: str) -> Schema:
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(others) != 1:
        raise NotStructuralError(path, "anyOf", "a structural schema knows no unions: give the field one shape")
    return others[0]


def _merged(inlined: Schema, here: Schema) -> Schema:
    """What is said at the place of use wins, except that rules of both apply."""
    both = {**inlined, **here}
    rules = [*inlined.get("x-kubernetes-validations", []), *here.get("x-kubernetes-validations", [])]
    return {**both, "x-kubernetes-validations": rules} if rules else both


def _with_map_values(schema: Schema, path: str) -> Schema:
    """Makes ``dict[Pattern, X]`` a map of X: Kubernetes cannot constrain the keys of a map, so the models alone do."""
    if "patternProperties" not in schema:
        return schema
    rest = {k: v for k, v in schema.items() if k not in {"patternProperties", "propertyNames"}}
    patterns = list(schema["patternProperties"].values())
    if len(patterns) != 1:
        raise NotStructuralError(path, "patternProperties", "a map has one schema for all its values")
    return {**rest, "additionalProperties": patterns[0]}


def _without_fields(schema: Schema, path: str) -> Schema:
    """Leaves out the fields of which :class:`seatrial.api.base.Without` says that they have no value here."""
    if WITHOUT not in schema:
        return schema
    properties = dict(schema.get("properties", {}))
    for name in schema[WITHOUT]:
        if properties.pop(name, None) is None or name in schema.get("required", ()):
            raise NotStructuralError(path, WITHOUT, f"{name!r} is no optional field of it")
    rest = {keyword: value for keyword, value in schema.items() if keyword != WITHOUT}
    return {**rest, "properties": properties}


def _without_closing(schema: Schema, path: str) -> Schema:
    """Drops ``additionalProperties: false``: the API server prunes unknown fields, or refuses them, by itself."""
    extra = schema.get("additionalProperties")
    if not isinstance(extra, bool):
        return schema
    if extra and not schema.get("x-kubernetes-preserve-unknown-fields"):
        raise NotStructuralError(path, "additionalProperties", "say x-kubernetes-preserve-unknown-fields to take all")
    return {keyword: value for keyword, value in schema.items() if keyword != "additionalProperties"}
