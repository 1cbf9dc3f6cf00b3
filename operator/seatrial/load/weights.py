"""Choice of requests by weight: deterministic, evenly mixed and free at run time."""

from collections.abc import Sequence
from functools import reduce
from math import gcd


def sequence(weights: Sequence[int]) -> tuple[int, ...]:
    """Lays out one cycle in which each index occurs as often as its weight says, spread evenly.

    The j-th of w occurrences belongs at (2j + 1) / 2w of the cycle; sorting by that place mixes them as a smooth
    weighted round robin does, in one sort.

    Args:
        weights: Positive weights; only their ratios matter.

    Returns:
        Indices into ``weights``, as many as the weights' sum after dividing by their common divisor.
    """
    divisor = reduce(gcd, weights)
    shares = [weight // divisor for weight in weights]
    places = [((2 * j + 1) / share, index) for index, share in enumerate(shares) for j in range(share)]
    return tuple(index for _, index in sorted(places))
