"""Conditions, derived anew from the rest of status each time, so that they can never contradict it."""

from datetime import datetime

from seatrial.api.outcome import shortened
from seatrial.api.status import Condition, Phase, TrialStatus, Verdict
from seatrial.api.timestamp import stamp_seconds

#: Conditions may say more than a step: they are few.
CONDITION_BYTES = 1000


def conditions(
    status: TrialStatus,
    now: datetime,
    *,
    invalid: str = "",
    environment: bool | None = None,
    blocked: str = "",
    suspended: bool = False,
) -> list[Condition]:
    """Derives all conditions.

    Ready, Reconciling and Stalled follow kstatus, one of them True at a time: after its teardown a run whose verdict
    is other than Passed is Stalled, because nothing more will happen until the spec changes, and because pipelines that
    wait by kstatus must end on a failure too. So is one whose environment is kept, and one that is suspended before it
    has begun.

    Args:
        status: The rest of status; its present conditions tell when each last changed.
        now: The present.
        invalid: What is wrong with the spec, if anything.
        environment: Whether every service was healthy; None for kinds without an environment.
        blocked: What keeps the environment from being taken away.
        suspended: Whether nothing new is to start.
    """
    verdict, done = status.verdict, status.phase is Phase.DONE
    queued = status.phase is Phase.QUEUED
    kept = status.phase is Phase.RETAINED or (queued and suspended and status.waiting)
    running = status.run is not None and not done and not kept and not invalid
    reason = status.reason or "Started"
    rows: list[tuple[str, str, str, str]] = []
    if invalid:
        rows += [
            ("Ready", "False", "InvalidSpec", invalid),
            ("Reconciling", "False", "InvalidSpec", ""),
            ("Stalled", "True", "InvalidSpec", invalid),
        ]
    else:
        stalled = kept or (done and verdict is not Verdict.PASSED)
        rows += [
            ("Ready", _flag(verdict is Verdict.PASSED and done), reason, status.message),
            ("Reconciling", _flag(running), str(status.phase), status.message if running else ""),
            ("Stalled", _flag(stalled), reason if stalled else "NotStalled", status.message if stalled else ""),
        ]
    if suspended:
        rows.append(("Suspended", "True", "Suspended", "spec.suspend is true: nothing new starts"))
    rows.append(("Queued", _flag(queued), reason if queued else "NotQueued", status.message if queued else ""))
    if environment is not None:
        rows.append(("EnvironmentReady", _flag(environment), "Healthy" if environment else reason, ""))
    rows += [
        *_ends(status, reason, invalid),
        _torn_down(status, blocked),
    ]
    before = {condition.type: condition for condition in status.conditions}
    return [_condition(before.get(row[0]), row, status.observed_generation, now) for row in rows]


def _ends(status: TrialStatus, reason: str, invalid: str) -> list[tuple[str, str, str, str]]:
    """Complete is true on any end, a spec that never starts a run included, so that one wait always returns."""
    verdict, message = status.verdict, status.message
    if invalid:
        return [("Complete", "True", "InvalidSpec", invalid), ("Succeeded", "False", "InvalidSpec", invalid)]
    if verdict is None:
        doing = "Queued" if status.phase is Phase.QUEUED else "Running"
        return [("Complete", "False", doing, ""), ("Succeeded", "Unknown", doing, "")]
    return [("Complete", "True", reason, message), ("Succeeded", _flag(verdict is Verdict.PASSED), reason, message)]


def _torn_down(status: TrialStatus, blocked: str) -> tuple[str, str, str, str]:
    if not status.active:
        return ("TornDown", "True", "NothingLeft", "")
    if status.phase is Phase.RETAINED:
        return ("TornDown", "False", "Retained", status.message)
    if blocked:
        return ("TornDown", "False", "Blocked", blocked)
    return ("TornDown", "False", "InProgress" if status.phase is Phase.TEARDOWN else "Running", "")


def _flag(value: bool) -> str:
    return "True" if value else "False"


def _condition(before: Condition | None, row: tuple[str, str, str, str], generation: int, now: datetime) -> Condition:
    kind, status, reason, message = row
    unchanged = before is not None and before.status == status
    return Condition(
        type=kind,
        status=status,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and unchanged else stamp_seconds(now),
        reason=reason,
        message=shortened(message, CONDITION_BYTES),
    )
