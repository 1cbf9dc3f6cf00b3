"""Points in time as Kubernetes writes them: RFC 3339, in UTC."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """Writes a moment to the millisecond, so that short steps have a length."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp_seconds(moment: datetime) -> str:
    """Writes a moment to the second, as metav1.Time does; conditions carry this form."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Reads what :func:`stamp` or the API server wrote.

    Raises:
        ValueError: The text is no RFC 3339 time.
    """
    return datetime.fromisoformat(text)
