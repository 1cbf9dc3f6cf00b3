"""What a run waits for: its place in the queue, and the times of its schedule."""

from pydantic import Field

from seatrial.api.status.model import Message, StatusModel


class QueueStatus(StatusModel):
    """The place of a run that waits."""

    since: str = Field(description="Since when it waits.", json_schema_extra={"format": "date-time"})
    position: int = Field(
        0,
        description="Its place among those that wait for the same room, the first is 1: exact up to 10, then rounded "
        "up. 0 while it waits for something else.",
    )
    behind: str = Field(
        "", description="Whom it waits for next: the one ahead of it, or the oldest that has the room that it needs."
    )


class ScheduleStatus(StatusModel):
    """What the schedule has done and will do."""

    cron: str = Field(description="The expression and time zone that next was found by.")
    next: str | None = Field(None, description="The next time.", json_schema_extra={"format": "date-time"})
    last: str | None = Field(
        None, description="The last time at which a run was started.", json_schema_extra={"format": "date-time"}
    )
    missed: int = Field(0, description="Times at which none was started.")
    reason: Message = Field("", description="Why the last one that was missed was.")
