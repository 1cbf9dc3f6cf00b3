"""Evaluations that were ended: why, and what is said of it."""

from seatrial.api.outcome import shortened
from seatrial.sandbox.limits import MEMORY_BYTES, SLOW

#: Bytes of an expression in a message.
SHOWN_BYTES = 120

_REMEDY = "make the expression simpler, have the service answer less, or let a Job judge it"


class CutOff(Exception):
    """An evaluation was ended; the message is for the user.

    Attributes:
        reason: Stable CamelCase word.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Ended(Exception):
    """A worker ended without a reply.

    Attributes:
        signal: The signal that ended it; 0 for none.
        overtime: Whether that was because it took too long.
        at: The field and the expression that it was at, as far as it told.
    """

    def __init__(self, signal: int, at: tuple[str, str], *, overtime: bool) -> None:
        super().__init__(signal)
        self.signal = signal
        self.overtime = overtime
        self.at = at


def cut_off(ended: Ended) -> CutOff:
    """What becomes of an evaluation whose last worker has ended without a reply."""
    where = _shown(*ended.at)
    if ended.overtime:
        limit = f"it takes more than {SLOW.cpu:g}s of CPU time"
        return CutOff("ExpressionTooSlow", f"{where}: {limit}: {_REMEDY}")
    return CutOff("EvaluationFailed", f"{where}: its evaluation was ended twice, by signal {ended.signal}")


def too_large(field: str, expression: str) -> CutOff:
    """What becomes of an evaluation that has run out of memory."""
    limit = f"it takes more than {MEMORY_BYTES >> 20}Mi of memory"
    return CutOff("ExpressionTooLarge", f"{_shown(field, expression)}: {limit}: {_REMEDY}")


def _shown(field: str, expression: str) -> str:
    return ": ".join(filter(None, (field or "an expression", shortened(expression, SHOWN_BYTES))))
