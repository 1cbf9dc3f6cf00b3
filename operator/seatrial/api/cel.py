"""Expressions in CEL, the language Kubernetes itself uses, type-checked before a run starts.

The library is Google's own runtime (cel-expr-python wraps cel-cpp). Comprehensions stop at its iteration budget
and regular expressions are RE2, so no expression runs for long.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from seatrial.api.suggestion import suggested

#: Axes of a matrix, each with the CEL type of its values.
Axes: TypeAlias = tuple[tuple[str, str], ...]

#: Most entries of a list or map that ``map`` and ``filter`` go through, and most characters that may be split for
#: them: the runtime copies their result for each entry, so their time grows with the square (10,000 take seconds).
TRANSFORMED: Final = 1000

#: What may be around the points of a name: blanks, line breaks, comments.
GAP: Final = r"(?:\s|//[^\n]*\n)*"


class ExpressionError(ValueError):
    """The expression is wrong as it stands: its syntax, a name it uses, or the types it compares."""


class EvaluationError(ValueError):
    """The expression is right but has no value for this answer, for example because a key is missing."""


@dataclass(frozen=True)
class Scope:
    """The variables that an expression may use.

    Attributes:
        variables: CEL type of each variable, by its dotted name.
    """

    variables: tuple[tuple[str, str], ...]

    def compile(self, expression: str) -> "Program":
        """Parses and type-checks an expression.

        Raises:
            ExpressionError: It cannot be evaluated whatever the answer.
        """
        return _compile(self, expression)


@dataclass(frozen=True)
class Program:
    """A checked expression.

    Attributes:
        expression: Its text.
        boolean: Whether its value may be a truth value, as far as the type-check knows.
        reads: Names of the scope's variables that it uses.
        transforms: Whether ``map`` or ``filter`` in it go through something.
    """

    expression: str
    boolean: bool
    reads: tuple[str, ...]
    transforms: bool
    _compiled: Any

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Returns the value as plain Python.

        Args:
            values: Value of each variable, by its dotted name. Missing ones are errors only when they are read.

        Raises:
            EvaluationError: There is no value; the message says why.
        """
        if self.transforms:
            _refuse_many(self, values)
        return plain(self.value(values))

    def value(self, values: Mapping[str, Any]) -> Any:
        """Returns the value as the library has it: durations are timedeltas, bytes are bytes.

        Args:
            values: As for ``evaluate``. What ``map`` and ``filter`` go through must be short enough already.

        Raises:
            EvaluationError: There is no value; the message says why.
        """
        try:
            result = self._compiled.eval(data=values)
        except RuntimeError as error:
            raise EvaluationError(_readable(str(error))) from error
        value = result.plain_value()
        # An error's value is its message, so that only texts can be errors.
        if isinstance(value, str) and result.type() == cel.Type.ERROR:
            raise EvaluationError(_readable(value))
        return value


def probe_scope() -> Scope:
    """The scope of a probe's ``expect``: the answer alone."""
    return Scope(_answer("response"))


def http_scope(captures: frozenset[str], matrix: Axes = ()) -> Scope:
    """The scope of ``expect`` and ``capture``: the answer to the request and what earlier steps captured."""
    return Scope((*_answer("response"), *_run_variables(captures, matrix)))


def assertion_scope(reads: Iterable[str], captures: frozenset[str], matrix: Axes = ()) -> Scope:
    """The scope of ``expect`` and ``capture`` of an assertion: the answer to each read."""
    answers = (variable for name in reads for variable in _answer(f"answers.{name}"))
    return Scope((*answers, *_run_variables(captures, matrix)))


def template_scope(captures: frozenset[str], matrix: Axes = ()) -> Scope:
    """The scope of ``when``, and of ``${…}`` in requests and environment variables."""
    return Scope(_run_variables(captures, matrix))


def axes_in(values: Mapping[str, Any]) -> Axes:
    """The axes of the matrix whose values are among those of variables, for scopes that have been checked before."""
    return tuple((name.removeprefix("matrix."), "dyn") for name in values if name.startswith("matrix."))


def captures_in(values: Mapping[str, Any]) -> frozenset[str]:
    """The captures whose values are among those of variables."""
    return frozenset(name.removeprefix("captures.") for name in values if name.startswith("captures."))


def _answer(prefix: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{prefix}.status", "int"),
        (f"{prefix}.headers", "map<string, string>"),
        (f"{prefix}.json", "dyn"),
        (f"{prefix}.text", "string"),
        (f"{prefix}.time", "duration"),
    )


def _run_variables(captures: frozenset[str], matrix: Axes) -> tuple[tuple[str, str], ...]:
    return (
        ("run.id", "string"),
        *((f"captures.{name}", "dyn") for name in sorted(captures)),
        *((f"matrix.{axis}", signature) for axis, signature in matrix),
    )


@lru_cache(maxsize=256)
def _environment(scope: Scope) -> Any:
    variables = {name: cel.Type(signature) for name, signature in scope.variables}
    return cel.NewEnv(variables=variables, extensions=[ext_strings.ExtStrings()])


@lru_cache(maxsize=4096)
def _compile(scope: Scope, expression: str) -> Program:
    try:
        compiled = _environment(scope).compile(expression)
    except RuntimeError as error:
        raise ExpressionError(_with_remedy(_readable(str(error)), scope)) from error
    return Program(
        expression=expression,
        boolean=compiled.return_type() in (cel.Type.BOOL, cel.Type.DYN),
        reads=tuple(name for name, _ in scope.variables if named(name).search(expression)),
        transforms=_TRANSFORMS.search(expression) is not None,
        _compiled=compiled,
    )


@lru_cache(maxsize=1024)
def named(name: str) -> re.Pattern[str]:
    """What a variable looks like in an expression; a point before it says that no other one hides it."""
    begin = rf"(?:(?<![\w.\])}}\"'])\.{GAP}|(?<![\w.]))"
    return re.compile(begin + rf"{GAP}\.{GAP}".join(map(re.escape, name.split("."))) + r"(?!\w)")


_TRANSFORMS = re.compile(r"\.\s*(?:map|filter)\s*\(")
_SPLITS = re.compile(r"\.\s*split\s*\(")


def _refuse_many(program: Program, values: Mapping[str, Any]) -> None:
    """Keeps an answer that is too long from those who would take too long with it.

    Raises:
        EvaluationError: A list, a map or a text that is split has more than :data:`TRANSFORMED` entries.
    """
    splits = _SPLITS.search(program.expression) is not None
    for name in program.reads:
        waiting = [values.get(name)]
        while waiting:
            value = waiting.pop()
            if not isinstance(value, str | list | Mapping):
                continue
            if len(value) > TRANSFORMED and (splits or not isinstance(value, str)):
                what = "characters to split" if isinstance(value, str) else "entries"
                raise EvaluationError(
                    f"{name} has {len(value)} {what}, and map and filter take at most {TRANSFORMED}: "
                    "use all or exists, or ask for less"
                )
            if not isinstance(value, str):
                waiting.extend(value.values() if isinstance(value, Mapping) else value)


def _no_json(match: re.Match[str]) -> str:
    return "the answer's body is not JSON" if match[1] == "response" else f"the body of {match[1]} is not JSON"


def _readable(error: str) -> str:
    """Takes the runtime's own decoration off a message: status codes, the source line and its caret."""
    first = error.splitlines()[0] if error else error
    first = re.sub(r"^(?:[A-Z_]+: )+", "", first)
    first = re.sub(r"^(?:ERROR: )?<input>:1:(\d+): ", r"at column \1: ", first)
    first = re.sub(r"^(?:ERROR: )?<input>:(\d+):(\d+): ", r"at line \1, column \2: ", first)
    first = re.sub(r" ?\[[A-Z_]+\]$| \(in container ''\)", "", first)
    return re.sub(r'No value with name "(response|answers\.\w+)\.json" found in Activation', _no_json, first)


#: How the runtime says that an operator or a function has no meaning for the types that it is given.
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '(.*)'")
#: Its own names of types that have shorter ones.
_TYPE = re.compile(r"google\.protobuf\.(Duration|Timestamp)")


def _with_remedy(message: str, scope: Scope) -> str:
    message = _TYPE.sub(lambda match: match[1].lower(), message)
    message = _OVERLOAD.sub(lambda match: f"{match[1].strip('_')} does not go with {match[2]}", message)
    if unknown := re.search(r"undeclared reference to '([\w.]+)'", message):
        known = [name for name, _ in scope.variables]
        return f"{message}; {suggested(unknown[1], known, 'known here are')}"
    if "(double, int)" in message or "(int, double)" in message:
        return f"{message}; write the number with a decimal point, for example 1.0"
    if "(duration, " in message:
        return f"{message}; write durations as duration('250ms')"
    if "token recognition error at: '='" in message or "token recognition error at: '= '" in message:
        return f"{message}; write == to compare"
    return message


_AS_THEY_ARE: Final = frozenset({bool, int, str})


def plain(value: Any) -> Any:
    """Makes a value of the expression library one that JSON can hold: bytes become text, durations their text.

    Raises:
        EvaluationError: It is a number that JSON does not know.
    """
    if value is None or type(value) in _AS_THEY_ARE:
        return value
    match value:
        case float() if not math.isfinite(value):
            raise EvaluationError(f"its value is {value}, which is no number that JSON can hold")
        case bytearray() | bytes():
            return bytes(value).decode(errors="replace")
        case timedelta():
            return f"{value.total_seconds():g}s"
        case list():
            return [plain(entry) for entry in value]
        case dict():
            return {str(key): plain(entry) for key, entry in value.items()}
        case float():
            return value
        case _:
            return str(value)
