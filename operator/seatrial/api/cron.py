"""Times of a cron expression in a time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


class CronError(ValueError):
    """There are no such times; the message says what to do."""


class Cron:
    """The times of an expression.

    Args:
        expression: Five fields, as cron(8) reads them.
        time_zone: IANA name of the zone in which the fields are meant.

    Raises:
        CronError: The expression or the zone does not exist, or the expression fits no time at all.
    """

    def __init__(self, expression: str, time_zone: str) -> None:
        self._expression = expression
        self._zone = _zone(time_zone)
        try:
            CronSim(expression, datetime(2026, 1, 1, tzinfo=self._zone))
        except CronSimError as error:
            raise CronError(
                f"{error}: give minute, hour, day, month and day of the week, for example 30 6 * * 1-5"
            ) from error
        if next(self.after(datetime(2026, 1, 1, tzinfo=UTC)), None) is None:
            raise CronError("fits no day of any year: check day and month")

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after a moment, in UTC, first to last."""
        for found in CronSim(self._expression, moment.astimezone(self._zone)):
            time = found.astimezone(UTC)
            if time > moment:  # not so in the hour that clocks being put back repeat
                yield time

    def last(self, moment: datetime) -> datetime:
        """The last time up to and including a moment, in UTC."""
        minute = moment.astimezone(self._zone).replace(second=0, microsecond=0)
        times = CronSim(self._expression, minute + timedelta(minutes=1), reverse=True)
        return next(time for time in (found.astimezone(UTC) for found in times) if time <= moment)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # not known; no name of one; a folder of zones
        raise CronError("is no time zone: give its IANA name, for example UTC or Europe/Berlin") from error
