"""Order statistics: what a few samples can say for certain about a quantile."""

from math import ceil, exp, lgamma, log, log1p, sqrt

#: Share of the cases in which a bound may be wrong, and the normal deviate that goes with it.
_DOUBT, _DEVIATE = 0.05, 1.6449
#: Samples expected beyond the quantile from which the normal approximation is as good as the sum.
_MANY = 200


def lower_rank(samples: int, quantile: float) -> int:
    """Finds the sample that the quantile is certainly not below, with 95 % confidence.

    It is the confidence bound by order statistics: of n independent samples, the number beyond the quantile is
    binomial, and the sample of rank r lies above the quantile only if more than n - r are beyond it (H. A. David and
    H. N. Nagaraja, "Order Statistics", 3rd ed., section 7.1).

    Args:
        samples: How many there are.
        quantile: Between 0 and 1, exclusively.

    Returns:
        Rank in ascending order, from 1; 0 if so few samples allow no such bound.
    """
    return max(samples - _beyond(samples, 1 - quantile) + 1, 0)


def _beyond(samples: int, share: float) -> int:
    """The least number that as many samples or more are beyond the quantile with a probability of 5 % at most."""
    expected = samples * share
    if expected > _MANY:
        return ceil(expected + _DEVIATE * sqrt(expected * (1 - share)) + 0.5)
    fewer, number = 0.0, 0
    while number <= samples:
        fewer += exp(
            lgamma(samples + 1)
            - lgamma(number + 1)
            - lgamma(samples - number + 1)
            + number * log(share)
            + (samples - number) * log1p(-share)
        )
        number += 1
        if fewer >= 1 - _DOUBT:
            break
    return number
