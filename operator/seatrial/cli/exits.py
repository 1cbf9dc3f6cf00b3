"""Exit codes: the verdict as a number that a pipeline can act on."""

from collections.abc import Iterable
from enum import IntEnum

from seatrial.api.status import Verdict


class Exit(IntEnum):
    """What ``seatrial`` exits with. Once released, the numbers stay."""

    PASSED = 0
    FAILED = 1
    INVALID = 2
    ERROR = 3
    INCONCLUSIVE = 4
    TIMED_OUT = 5
    CANCELLED = 6
    #: As shells have it: 128 and the signal's number.
    INTERRUPTED = 130
    TERMINATED = 143


BY_VERDICT = {
    Verdict.PASSED: Exit.PASSED,
    Verdict.FAILED: Exit.FAILED,
    Verdict.ERROR: Exit.ERROR,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Verdict.TIMED_OUT: Exit.TIMED_OUT,
    Verdict.CANCELLED: Exit.CANCELLED,
}

#: From best to worst. Failed is worst of all: the others only say that something is not known.
_SEVERITY = (
    Exit.PASSED,
    Exit.CANCELLED,
    Exit.INCONCLUSIVE,
    Exit.TIMED_OUT,
    Exit.ERROR,
    Exit.INVALID,
    Exit.FAILED,
)


def worst(exits: Iterable[Exit]) -> Exit:
    """Returns the one that counts for several trials; there is at least one."""
    return max(exits, key=_SEVERITY.index)
