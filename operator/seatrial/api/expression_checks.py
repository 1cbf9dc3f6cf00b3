"""Expressions that do not compile, and texts with unfinished ones."""

from collections.abc import Iterator
from typing import Any

from seatrial.api import template
from seatrial.api.base import Model
from seatrial.api.cel import ExpressionError, Scope
from seatrial.api.problem import Problem
from seatrial.api.schema_mistake import shown
from seatrial.api.step import Step

#: Shells have the same syntax.
_LITERAL = "; write $${ for ${ itself"


def expression_problems(
    field: str, expression: str, scope: Scope, steps: list[Step], *, truth: bool = False, remedy: str = ""
) -> Iterator[Problem]:
    """Checks an expression; one that a verdict hangs on must be true or false."""
    try:
        program = scope.compile(expression)
    except ExpressionError as error:
        yield Problem(field, shown(expression), _capture_remedy(f"{error}{remedy}", steps))
        return
    if truth and not program.boolean:
        yield Problem(field, shown(expression), "is never true or false: compare it with something")


def templates_in(field: str, model: Model, scope: Scope, steps: list[Step] | None = None) -> Iterator[Problem]:
    """Checks every ``${…}`` anywhere in a request or a Job."""
    for name, value in model.to_kubernetes().items():
        yield from template_problems(f"{field}.{name}", value, scope, steps or [])


def template_problems(field: str, value: Any, scope: Scope, steps: list[Step]) -> Iterator[Problem]:
    """Checks every ``${…}`` in a text, or in all texts of a JSON value."""
    for expression in template.expressions(value):
        yield from expression_problems(field, expression, scope, steps, remedy=_LITERAL)
    for text in template.unfinished(value):
        remedy = f"${{ begins an expression, which ends with }} and holds no braces{_LITERAL}"
        yield Problem(field, shown(text), remedy)


def _capture_remedy(message: str, steps: list[Step]) -> str:
    """Says which step to need, where the unknown name is a capture that another step makes."""
    for step in steps:
        for name in step.captured:
            if f"undeclared reference to 'captures.{name}'" in message:
                return f"{name} is captured by step {step.name}: add `needs: [{{step: {step.name}}}]`"
    return message
