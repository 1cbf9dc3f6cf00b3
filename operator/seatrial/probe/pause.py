"""How long to wait between two requests that ask a service the same."""

from datetime import timedelta

from tenacity import wait_exponential, wait_random
from tenacity.wait import wait_base

#: Shortest pause, in seconds, whatever the step or the service says.
LEAST = 0.05
#: What is added to each by chance, in seconds at most, so that those who began together do not go on together.
JITTER = 0.02


def growing(longest: timedelta, growth: float) -> wait_base:
    """Pauses that begin with the shortest one.

    Args:
        longest: What they grow to.
        growth: How many times as long each is as the one before.
    """
    most = max(longest.total_seconds(), LEAST)
    return wait_exponential(multiplier=LEAST, exp_base=growth, max=most) + wait_random(max=JITTER)
