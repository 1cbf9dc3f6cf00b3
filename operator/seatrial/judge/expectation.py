"""Expectations: CEL over an answer, each of which must hold."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seatrial.api.cel import EvaluationError, Scope
from seatrial.api.outcome import shortened
from seatrial.api.redaction import NOTHING_SECRET, Redaction
from seatrial.judge.progress import At, untold

#: Writes a value for a message, given the variable's name.
Show = Callable[[str, Any], str]


def shown(_name: str, value: Any, redaction: Redaction = NOTHING_SECRET) -> str:
    """Writes a value as JSON, cut to what a message has room for; first without secrets, or half of one could stay."""
    return shortened(redaction(json.dumps(value, default=str)), 120)


def unmet(
    expressions: Iterable[str], scope: Scope, values: Mapping[str, Any], show: Show = shown, at: At = untold
) -> str:
    """Says why one of some expressions does not hold; says nothing if all of them do.

    Args:
        expressions: What is expected.
        scope: Variables they may use.
        values: Values of those.
        show: How values are written.
        at: Told where judging is.
    """
    for index, expression in enumerate(expressions):
        at(f"expect[{index}]", expression)
        program = scope.compile(expression)
        try:
            holds = program.evaluate(values)
        except (EvaluationError, RecursionError) as error:
            status = f" (status {values['response.status']})" if "response.status" in values else ""
            return f"{expression}: {error}{status}"
        if holds is not True:
            seen = ", ".join(f"{name} = {show(name, values.get(name))}" for name in program.reads)
            return f"{expression} is false: {seen}"
    return ""
