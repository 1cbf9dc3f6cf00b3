"""Conditions, derived anew from the rest of status each time, so that they can never contradict it."""

from datetime import datetime

from seatrial.api.outcome import shortened
from seatrial.api.status import Condition, Phase, TrialStatus, Verdict
from seatrial.api.timestamp import stamp_seconds

#: Conditions may say more than a step: they are few.
CONDITION_BYTES = 1000


def conditions(
    status: TrialStatus, now: datetime, *, invalid: str = "", environment: bool | None = None, blocked: str = ""
) -> list[Condition]:
    """Derives all conditions.

    Ready, Reconciling and Stalled follow kstatus, one of them True at a time: after its teardown a run whose verdict
    is other than Passed is Stalled, because nothing more will happen until the spec changes, and because pipelines that
    wait by kstatus must end on a failure too.

    Args:
        status: The rest of status; its present conditions tell when each last changed.
        now: The present.
        invalid: What is wrong with the spec, if anything.
        environment: Whether every service was healthy; None for kinds without an environment.
        blocked: What keeps the environment from being taken away.
    """
    verdict, done = status.verdict, status.phase is Phase.DONE
    running = status.run is not None and not done and not invalid
    reason = status.reason or "Started"
    rows: list[tuple[str, str, str, str]] = []
    if invalid:
        rows += [
            ("Ready", "False", "InvalidSpec", invalid),
            ("Reconciling", "False", "InvalidSpec", ""),
            ("Stalled", "True", "InvalidSpec", invalid),
        ]
    else:
        stalled = done and verdict is not Verdict.PASSED
        rows += [
            ("Ready", _flag(verdict is Verdict.PASSED and done), reason, status.message),
            ("Reconciling", _flag(running), str(status.phase), status.message if running else ""),
            ("Stalled", _flag(stalled), reason if stalled else "NotStalled", status.message if stalled else ""),
        ]
    if environment is not None:
        rows.append(("EnvironmentReady", _flag(environment), "Healthy" if environment else reason, ""))
    rows += [
        *_ends(verdict, reason, status.message, invalid),
        _torn_down(status, blocked),
    ]
    before = {condition.type: condition for condition in status.conditions}
    return [_condition(before.get(row[0]), row, status.observed_generation, now) for row in rows]


def _ends(verdict: Verdict | None, reason: str, message: str, invalid: str) -> list[tuple[str, str, str, str]]:
    """Complete is true on any end, a spec that never starts a run included, so that one wait always returns."""
    if invalid:
        return [("Complete", "True", "InvalidSpec", invalid), ("Succeeded", "False", "InvalidSpec", invalid)]
    if verdict is None:
        return [("Complete", "False", "Running", ""), ("Succeeded", "Unknown", "Running", "")]
    return [("Complete", "True", reason, message), ("Succeeded", _flag(verdict is Verdict.PASSED), reason, message)]


def _torn_down(status: TrialStatus, blocked: str) -> tuple[str, str, str, str]:
    if status.run is None or status.phase is Phase.DONE:
        return ("TornDown", "True", "NothingLeft", "")
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
