"""What is expected of the answers to a request and captured from them, evaluated as cheaply as the library can.

An evaluation costs some microseconds whatever it computes, and so does each value that is handed over. So the
expressions of a request are made one list and evaluated at once, and of ``response.json`` only those parts are handed
over that they read. When the list has no value, because one expression has none, each is evaluated by itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.api.cel import GAP, EvaluationError, ExpressionError, Program, Scope, named, plain

_JSON = "response.json"
_FIELDS = re.compile(rf"(?:{GAP}\.{GAP}[A-Za-z_]\w*)+")
_CALL = re.compile(rf"{GAP}\(")

#: Fields of a JSON object that are read, each with those of its own that are; None if it is read as a whole.
Parts = dict[str, "Parts | None"]


class Evaluation:
    """The expressions over the answers to one kind of request.

    Args:
        scope: What they may use.
        expect: Expectations.
        capture: Captures, by name.

    Attributes:
        checks: Number of expectations.
        reads: The variables that any of them uses.
        empty: Whether there is nothing to evaluate.
    """

    def __init__(self, scope: Scope, expect: Sequence[str], capture: Mapping[str, str]) -> None:
        self._expect = [scope.compile(expression) for expression in expect]
        self._capture = {f"captures.{name}": scope.compile(expression) for name, expression in capture.items()}
        self.checks = len(expect)
        programs = [*self._expect, *self._capture.values()]
        self.empty = not programs
        self.reads = frozenset(name for program in programs for name in program.reads)
        # Those that go through lists are limited each by what it reads itself.
        simple = not any(program.transforms for program in programs)
        self._all = _together(scope, programs) if simple and programs else None
        self._parts = parts([program.expression for program in programs]) if simple else None

    @property
    def judges_status(self) -> bool:
        """Whether what is expected says which status is right."""
        return any("response.status" in program.reads for program in self._expect)

    def evaluate(self, values: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        """Evaluates everything.

        Args:
            values: Values of the variables; of ``response.json`` what is not read is taken out.

        Returns:
            How many expectations do not hold; and what was captured, None if something could not be. Nothing is
            captured from an answer that is not as expected.
        """
        if self._parts is not None and _JSON in values:
            values[_JSON] = picked(values[_JSON], self._parts)
        found = self._found(values)
        if found is None:
            return self._one_by_one(values)
        checks, wrong = self.checks, 0
        for value in found[:checks]:
            wrong += value is not True
        if wrong:
            return wrong, {}
        try:
            return 0, dict(zip(self._capture, map(plain, found[checks:]), strict=True))
        except (EvaluationError, RecursionError):
            return 0, None

    def _found(self, values: Mapping[str, Any]) -> list[Any] | None:
        """The values of all expressions, as the library has them; None if one has none."""
        if self._all is None:
            return None
        try:
            found = self._all.value(values)
        except (EvaluationError, RecursionError):
            return None
        return found if isinstance(found, list) else None

    def _one_by_one(self, values: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
        wrong = sum(not _holds(program, values) for program in self._expect)
        if wrong:
            return wrong, {}
        try:
            return 0, {name: program.evaluate(values) for name, program in self._capture.items()}
        except (EvaluationError, RecursionError):
            return 0, None


def parts(expressions: Sequence[str]) -> Parts | None:
    """Finds out which parts of ``response.json`` expressions read.

    What follows the name as ``.field.field`` is all that they can see of it, whatever they do with that then. A last
    field that is called is a function. Text that only looks like it, in a string, adds a part and does no harm.

    Returns:
        Its parts; None if one reads it as a whole.
    """
    found: Parts = {}
    for expression in expressions:
        for name in named(_JSON).finditer(expression):
            fields = _FIELDS.match(expression, name.end())
            path = re.findall(r"[A-Za-z_]\w*", re.sub(r"//[^\n]*\n", "", fields.group())) if fields else []
            if fields and _CALL.match(expression, fields.end()):
                path.pop()
            if not path:
                return None
            _add(found, path)
    return found


def picked(value: Any, wanted: Parts) -> Any:
    """Takes parts of a JSON value, which may have others in their place or lack them."""
    if not isinstance(value, dict):
        return value
    return {
        field: value[field] if below is None else picked(value[field], below)
        for field, below in wanted.items()
        if field in value
    }


def _add(found: Parts, path: Sequence[str]) -> None:
    for field in path[:-1]:
        below = found.setdefault(field, {})
        if below is None:
            return  # read as a whole already
        found = below
    found[path[-1]] = None


def _together(scope: Scope, programs: Sequence[Program]) -> Program | None:
    try:
        # A line each, because an expression may end with a comment.
        return scope.compile("[" + ",".join(f"(\n{program.expression}\n)" for program in programs) + "]")
    except ExpressionError:
        return None  # one is nested as deep as an expression may be


def _holds(program: Program, values: Mapping[str, Any]) -> bool:
    try:
        return program.evaluate(values) is True
    except (EvaluationError, RecursionError):
        return False
