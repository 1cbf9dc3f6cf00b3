"""Levels that load goes to in straight lines, as k6's ramping executors mean them, and what follows from them.

Everything is a pure function of the time since the start, in integers, so that workers that never talk to one another
keep one schedule together, to the nanosecond and for a day.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from seatrial.api.profile import Profile

#: Area under a level, in units of half a nanosecond times one per second, that stands for one arrival.
ONE = 2_000_000_000


@dataclass(frozen=True)
class Leg:
    """A straight line from one level to another.

    Attributes:
        start: When it begins, in nanoseconds from the start of the load.
        length: How long it takes, in nanoseconds.
        before: Level at its beginning.
        after: Level at its end.
        passed: Area before it, see ``ONE``.
    """

    start: int
    length: int
    before: int
    after: int
    passed: int

    def area(self, elapsed: int) -> float:
        """The area of a part of it, see ``ONE``; exact as long as the elapsed time divides well."""
        return 2 * self.before * elapsed + (self.after - self.before) * elapsed * elapsed / self.length

    def when(self, area: int) -> int:
        """The last whole nanosecond of the load at which the area of a part of it is not above the one given.

        The area is a quadratic function of time. Its root is taken in a form in which nothing cancels out, and put
        right in integers.
        """
        slope = self.after - self.before
        if not area:
            return self.start
        if not slope:
            return self.start + area // (2 * self.before)
        flat, wanted = self.before * self.length, area * self.length
        elapsed = int(wanted / (flat + math.sqrt(flat * flat + slope * wanted)))
        while (2 * flat + slope * elapsed) * elapsed > wanted:
            elapsed -= 1
        while (2 * flat + slope * (elapsed + 1)) * (elapsed + 1) <= wanted:
            elapsed += 1
        return self.start + elapsed


@dataclass(frozen=True)
class Ramp:
    """Levels over time: arrivals per second, or users.

    Attributes:
        legs: The lines, one after the other; those without length are jumps.
    """

    legs: tuple[Leg, ...]

    @classmethod
    def of(cls, profile: Profile) -> "Ramp":
        """Reads the levels of a profile; one without stages has one level."""
        if not profile.stages:
            return cls((Leg(0, _nanoseconds(profile.length), profile.start, profile.start, 0),))
        legs, level, start, passed = [], profile.start, 0, 0
        for stage in profile.stages:
            before, level = level, (stage.rate if profile.open else stage.users) or 0
            legs.append(Leg(start, _nanoseconds(stage.duration), before, level, passed))
            start += legs[-1].length
            passed += (before + level) * legs[-1].length
        return cls(tuple(legs))

    @property
    def end(self) -> int:
        """Nanoseconds from the start to the end."""
        return self.legs[-1].start + self.legs[-1].length

    @cached_property
    def _even(self) -> int:
        """Twice the level if there is only one, which is the most frequent load."""
        first = self.legs[0]
        return 2 * first.before if len(self.legs) == 1 and first.before == first.after else 0

    @cached_property
    def _areas(self) -> list[int]:
        """Areas up to the end of each leg."""
        return [leg.passed + (leg.before + leg.after) * leg.length for leg in self.legs]

    def arrival(self, number: int) -> int:
        """When the arrival of that number is due: when the level's integral exceeds it.

        Args:
            number: From 0.

        Returns:
            Nanoseconds from the start; the end for all that do not come before it.
        """
        if self._even:
            return number * ONE // self._even
        return self.moment(number * ONE)

    def count(self, until: int) -> int:
        """How many arrivals are due before a moment, in nanoseconds from the start."""
        if self._even:
            return -(-self._even * until // ONE)
        leg = self._leg(until)
        if not leg.length:
            return -(-leg.passed // ONE)
        elapsed = min(until - leg.start, leg.length)
        here = (2 * leg.before * leg.length + (leg.after - leg.before) * elapsed) * elapsed
        return -(-(leg.passed * leg.length + here) // (ONE * leg.length))

    def moment(self, area: int) -> int:
        """When the area under the level exceeds the one given, see ``ONE``; the end if it never does."""
        # Of a leg at level 0 the area never does, so it is passed over.
        place = bisect_right(self._areas, area)
        if place == len(self.legs):
            return self.end
        leg = self.legs[place]
        return leg.when(area - leg.passed)

    def mean(self, since: int, until: int) -> float:
        """The mean level between two moments, in nanoseconds from the start; 0 if there is no time between them."""
        return (self._area(until) - self._area(since)) / (2 * (until - since)) if until > since else 0.0

    def _area(self, moment: int) -> float:
        moment = min(moment, self.end)
        leg = self._leg(moment)
        return leg.passed + (leg.area(moment - leg.start) if leg.length else 0)

    def _leg(self, moment: int) -> Leg:
        return next(leg for leg in reversed(self.legs) if leg.start <= moment)

    def users(self, index: int, workers: int) -> Iterator[tuple[int, int]]:
        """Says how many users a worker has from when on.

        A user comes when the level has risen to include it, and goes when the level has fallen to exclude it. The one
        who came last goes first. User number u is one of worker u mod workers.

        Args:
            index: Number of the worker, from 0.
            workers: Number of workers.

        Yields:
            Nanoseconds from the start, never falling, and the number of users from then on.
        """
        yield 0, _share(self.legs[0].before, index, workers)
        for leg in self.legs:
            now, then = _share(leg.before, index, workers), _share(leg.after, index, workers)
            rise = leg.after - leg.before
            if not leg.length:
                yield leg.start, then
                continue
            for count in range(now + 1, then + 1):
                user = index + (count - 1) * workers
                yield leg.start + leg.length * (user + 1 - leg.before) // rise, count
            for count in range(now - 1, then - 1, -1):
                user = index + count * workers
                yield leg.start + leg.length * (leg.before - user) // -rise, count


def _share(level: int, index: int, workers: int) -> int:
    """How many of the first users are a worker's."""
    return (level - index + workers - 1) // workers


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000
