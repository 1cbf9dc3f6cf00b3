"""What is there of a run's environment."""

from seatrial.plan.observed import Observed


def usable(observed: Observed) -> bool:
    """Whether the environment is there and ours, and stays unless we take it away."""
    namespace = observed.namespace
    return namespace is not None and namespace.ours and not namespace.terminating


def lost(*, beside: bool) -> str:
    """Says what somebody else deleted.

    Args:
        beside: Whether the environment is in the resource's own namespace.
    """
    what = "the record of the run, a ControllerRevision" if beside else "the environment's namespace"
    return f"somebody else deleted {what}"
