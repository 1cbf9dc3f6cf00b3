"""What expressions in the requests of load may use."""

from collections.abc import Iterable

from seatrial.api.cel import Scope
from seatrial.api.exchange import Data
from seatrial.api.table import variables

_USER = (("run.id", "string"), ("worker", "int"), ("user", "int"), ("iteration", "int"))
_ANSWER = (
    ("response.status", "int"),
    ("response.headers", "map<string, string>"),
    ("response.json", "dyn"),
    ("response.text", "string"),
    ("response.time", "duration"),
)


def request_scope(data: Iterable[Data], captures: Iterable[str] = ()) -> Scope:
    """The scope of ``${…}`` in a request.

    Args:
        data: Values that requests are made of.
        captures: What earlier steps of the flow have captured.

    Raises:
        TableError: A CSV is no table.
    """
    return Scope((*_USER, *variables(list(data)), *((f"captures.{name}", "dyn") for name in sorted(set(captures)))))


def load_answer_scope(request: Scope) -> Scope:
    """The scope of what is expected of the answer to a request, and captured from it."""
    return Scope((*request.variables, *_ANSWER))
