from tenacity import Future, RetryCallState, Retrying, wait_fixed

from seatrial.kube.errors import ApiError, Unreachable
from seatrial.kube.pause import Pause


def waited(error: Exception) -> float:
    state = RetryCallState(Retrying(), None, (), {})
    state.outcome = Future.construct(1, error, has_exception=True)
    return Pause(wait_fixed(2))(state)


def test_whoever_is_asked_to_wait_waits_as_long_and_never_less_than_otherwise() -> None:
    assert waited(ApiError(429, "TooManyRequests", "", 7.0)) == 7
    assert waited(ApiError(429, "TooManyRequests", "", 1.0)) == 2
    assert waited(ApiError(500, "", "")) == 2
    assert waited(Unreachable("")) == 2
