"""The times of a schedule: which one a run starts for now, and which are missed."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from seatrial.api.control import Schedule
from seatrial.api.cron import Cron
from seatrial.api.outcome import shortened
from seatrial.api.status import ScheduleStatus
from seatrial.api.timestamp import moment, stamp_seconds

#: Missed times are counted up to here; an operator that was away for a year has not to go through every minute of it.
COUNTED = 1000


@dataclass(frozen=True)
class Timetable:
    """What the schedule says now.

    Attributes:
        status: What status should say once that has been acted on.
        due: The time for which a run is to start.
    """

    status: ScheduleStatus | None = None
    due: datetime | None = None


def keep_time(schedule: Schedule | None, before: ScheduleStatus | None, now: datetime, *, taken: str) -> Timetable:
    """Says which time has come.

    Of several that have passed only the last can start a run, so that an operator that comes back starts one and not
    many.

    Args:
        schedule: The schedule, if there is one.
        before: What status said up to now.
        now: The present.
        taken: Why no run can start now; empty if one can.
    """
    if schedule is None:
        return Timetable()
    expression = f"{schedule.cron} {schedule.time_zone}"
    if before is None or before.cron != expression or before.next is None:
        known = before or ScheduleStatus(cron=expression)
        return Timetable(known.model_copy(update={"cron": expression, "next": _next(schedule, now)}))
    first = moment(before.next)
    if now < first:
        return Timetable(before)
    cron = Cron(schedule.cron, schedule.time_zone)
    last = max(first, cron.last(now))
    starts = not taken and now - last <= schedule.starting_deadline
    passed = 1 + sum(time <= now for time in islice(cron.after(first), COUNTED))
    status = before.model_copy(update={"next": _next(schedule, now), "missed": before.missed + passed - starts})
    if starts:
        status = status.model_copy(update={"last": stamp_seconds(last)})
    if passed > starts:
        why = taken or (
            "only the last of several that had passed was started" if starts else "nobody started it in time"
        )
        status = status.model_copy(update={"reason": shortened(f"{stamp_seconds(now)}: {why}")})
    return Timetable(status, last if starts else None)


def _next(schedule: Schedule, now: datetime) -> str | None:
    found = next(Cron(schedule.cron, schedule.time_zone).after(now), None)
    return stamp_seconds(found) if found else None
