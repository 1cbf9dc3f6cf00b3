"""What an answer of the API server says that is no success."""

import json
from typing import Any

from seatrial.kube.errors import ApiError, Conflict, Expired, NotFound


def status_of(body: bytes) -> dict[str, Any]:
    """Reads the metav1.Status of a refusal; proxies in between answer with anything."""
    try:
        status = json.loads(body or b"{}")
    except ValueError:
        status = None
    return status if isinstance(status, dict) else {"message": body[:200].decode(errors="replace")}


def refused(code: int, status: dict[str, Any], retry_after: str | None = None) -> ApiError:
    """Returns the error that a refusal is.

    Args:
        code: The answer's code.
        status: Its metav1.Status.
        retry_after: Its header Retry-After, if it has one.
    """
    kinds = {404: NotFound, 409: Conflict, 410: Expired, 422: Conflict}
    kind = kinds.get(code, ApiError)
    details = status.get("details")
    details = details if isinstance(details, dict) else {}
    if code == 422 and status.get("reason") == "Invalid" and details.get("causes"):
        kind = ApiError  # an object that the server finds wrong, not a test of a patch that failed
    seconds = _seconds(details.get("retryAfterSeconds") if retry_after is None else retry_after)
    return kind(code, str(status.get("reason") or ""), str(status.get("message") or ""), seconds)


def _seconds(asked: object) -> float | None:
    """Reads how long to wait; a date, which no API server sends, counts as nothing."""
    text = str(asked)
    return float(text) if text.isascii() and text.isdigit() else None
