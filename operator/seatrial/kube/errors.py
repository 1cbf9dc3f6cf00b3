"""What can go wrong between us and the API server."""


class KubeError(Exception):
    """Any failure of a call to the API server."""


class Unreachable(KubeError):
    """There was no answer: no connection, or none in time. Whether a write happened is unknown."""


class ApiError(KubeError):
    """The API server answered, and refused.

    Attributes:
        status: HTTP status code.
        reason: Kubernetes' machine-readable reason, for example ``AlreadyExists``.
        message: Its sentence for people.
        retry_after: Seconds to wait before another try, if the server said so.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{reason or status}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.status == 429 or self.status >= 500


class NotFound(ApiError):
    """There is no such object (404)."""


class Conflict(ApiError):
    """The object exists already, has changed since it was read, or is not in the state the call expects (409, 422)."""


class Expired(ApiError):
    """The resource version is too old to watch from (410): list again."""


def may_pass(error: BaseException) -> bool:
    """Whether something went wrong in a way that may pass by itself, as a test for tenacity."""
    return isinstance(error, Unreachable) or (isinstance(error, ApiError) and error.transient)
