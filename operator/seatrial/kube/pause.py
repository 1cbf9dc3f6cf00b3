"""How long to wait before asking the API server again."""

from tenacity import RetryCallState
from tenacity.wait import wait_base

from seatrial.kube.errors import ApiError


class Pause(wait_base):
    """Waits as long as the API server asked for by Retry-After, and never less than another strategy says.

    Args:
        least: What to wait where the server asked for nothing.
    """

    def __init__(self, least: wait_base) -> None:
        self._least = least

    def __call__(self, retry_state: RetryCallState) -> float:
        """Returns the seconds to wait."""
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, ApiError) else None
        return max(asked or 0.0, self._least(retry_state))
