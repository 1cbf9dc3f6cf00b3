"""Text with ``${…}`` in it: each holds a CEL expression, and ``$${`` stands for ``${`` itself."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seatrial.api.cel import Scope

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_WHOLE = re.compile(r"\$\{([^{}]*)\}")


def expressions(value: Any) -> Iterator[str]:
    """Yields the expressions in a text, or in all texts of a JSON value."""
    if isinstance(value, str):
        yield from (match.group(1) for match in _TOKEN.finditer(value) if match.group(1) is not None)
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from expressions(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from expressions(entry)


def unfinished(value: Any) -> Iterator[str]:
    """Yields what follows each ``${`` of a text, or of all texts of a JSON value, that begins no expression."""
    if isinstance(value, str):
        rest = _TOKEN.sub(lambda match: " " * len(match.group()), value)
        yield from (value[match.start() :] for match in re.finditer(r"\$\{", rest))
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from unfinished(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from unfinished(entry)


def render(
    text: str, scope: Scope, values: Mapping[str, Any], quote: Callable[[str], str] = lambda value: value
) -> str:
    """Replaces each expression by its value.

    Args:
        text: The template.
        scope: Variables the expressions may use.
        values: Their values.
        quote: How a value is escaped before it goes into the text.

    Raises:
        EvaluationError: An expression has no value.
    """

    def replaced(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return "${"
        return quote(_text(scope.compile(match.group(1)).evaluate(values)))

    return _TOKEN.sub(replaced, text)


def render_json(value: Any, scope: Scope, values: Mapping[str, Any]) -> Any:
    """Renders every text of a JSON value; a text that is one expression becomes its value, with its type.

    Raises:
        EvaluationError: An expression has no value.
    """
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        return scope.compile(whole.group(1)).evaluate(values) if whole else render(value, scope, values)
    if isinstance(value, Mapping):
        return {key: render_json(entry, scope, values) for key, entry in value.items()}
    if isinstance(value, list):
        return [render_json(entry, scope, values) for entry in value]
    return value


def one_line(value: str) -> str:
    """Makes a value fit for a header: a captured one must not be able to add headers."""
    return value.replace("\r", " ").replace("\n", " ")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
