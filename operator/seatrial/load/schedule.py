"""When the arrivals of one worker are due, evenly spaced or by chance."""

from collections.abc import Iterator
from random import Random

from seatrial.load.assignment import Assignment
from seatrial.load.ramp import ONE


def schedule(share: Assignment) -> Iterator[int]:
    """Returns the moments of a worker's arrivals, in nanoseconds from the start; the end of the load for ever after.

    Evenly spaced, arrivals of all workers are one schedule, of which each takes every n-th. By chance, each worker has
    a Poisson process of its own with its share of the rate; together these are one of the whole rate (superposition),
    and a rate that changes stretches time (J. F. C. Kingman, Poisson Processes, 1993, sections 2.2 and 4.5). What
    chance brings follows from the names of run and worker, so that the same worker of the same run sends the same.
    """
    return _by_chance(share) if share.by_chance else _even(share)


def _even(share: Assignment) -> Iterator[int]:
    arrival, number = share.ramp.arrival, share.index
    while True:
        yield arrival(number)
        number += share.workers


def _by_chance(share: Assignment) -> Iterator[int]:
    random = Random(f"{share.run}/{share.index}/arrivals")  # noqa: S311 - no secret
    moment, gap, scale = share.ramp.moment, random.expovariate, float(share.workers * ONE)
    area = 0
    while True:
        area += int(gap(1.0) * scale)
        yield moment(area)
