"""Latency histograms: HdrHistogram's buckets and wire format, with recording and reading fast enough for Python.

The ``hdrhistogram`` package encodes, decodes and adds in C, but records a value and finds a quantile in Python loops
(2 µs a value, 50 ms a mean). So values are counted here in a plain list with the same bucket layout, and quantiles are
read with one pass in C.
"""

import zlib
from bisect import bisect_left
from functools import cache
from itertools import accumulate
from operator import add, mul

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

#: Least and greatest value that is told apart, in microseconds. Greater values are counted as the greatest.
LOWEST = 1
HIGHEST = 3_600_000_000


class HistogramError(ValueError):
    """An encoded histogram that cannot be read, or is not of the layout that it is to be added to."""


@cache
def _layout(digits: int) -> HdrHistogram:
    """An empty histogram, asked only for its bucket layout."""
    return HdrHistogram(LOWEST, HIGHEST, digits)


@cache
def _middles(digits: int) -> tuple[int, ...]:
    """The value that stands for each bucket in a mean: the middle, as HdrHistogram has it."""
    layout = _layout(digits)
    half = layout.sub_bucket_half_count
    middles = []
    for index in range(layout.counts_len):
        lowest = layout.get_value_from_index(index)
        width = 1 << max(index // half - 1, 0)
        middles.append(lowest + width // 2)
    return tuple(middles)


@cache
def coarse_places() -> tuple[int, ...]:
    """The bucket of a histogram of two digits that holds each bucket of one of three."""
    fine, coarse = _layout(3), _layout(2)
    return tuple(coarse.get_counts_array_index(fine.get_value_from_index(place)) for place in range(fine.counts_len))


@cache
def coarse_value(place: int) -> int:
    """The value that stands for a bucket of a histogram of two digits, the highest of it, in microseconds."""
    coarse = _layout(2)
    return int(coarse.get_highest_equivalent_value(coarse.get_value_from_index(place)))


class Recording:
    """A histogram that is being recorded.

    Attributes:
        counts: Number of values in each bucket, in HdrHistogram's order.
        digits: Significant digits.
        bits: Bits of a value that are told apart; values of that many bits or fewer have a bucket each.
        shift: One less: bits of the number of buckets that each further bit adds.
        mask: The greatest value of ``bits`` bits.
    """

    __slots__ = ("bits", "counts", "digits", "mask", "shift")

    def __init__(self, digits: int = 3) -> None:
        layout = _layout(digits)
        self.digits = digits
        self.counts: list[int] = [0] * layout.counts_len
        self.shift: int = layout.sub_bucket_half_count_magnitude
        self.bits: int = self.shift + 1
        self.mask: int = layout.sub_bucket_mask

    def record(self, value: int, times: int = 1) -> None:
        """Counts a value.

        Args:
            value: Microseconds, not negative.
            times: How often; less than 0 to take it back.
        """
        if value > HIGHEST:
            value = HIGHEST
        group = (value | self.mask).bit_length() - self.bits
        self.counts[(group << self.shift) + (value >> group)] += times

    def encode(self) -> str:
        """Returns the histogram in HdrHistogram's compressed V2 format, as base64."""
        return Histogram.of_counts(self.counts, self.digits).encode()

    def encode_with(self, other: "Recording") -> str:
        """Returns the sum of this and another histogram of the same layout, likewise."""
        return Histogram.of_counts(list(map(add, self.counts, other.counts)), self.digits).encode()


class Histogram:
    """A histogram that is read, and to which encoded ones can be added."""

    def __init__(self, digits: int = 3) -> None:
        self.digits = digits
        self._hdr = HdrHistogram(LOWEST, HIGHEST, digits)
        self._cumulative: list[int] | None = None

    @classmethod
    def of_counts(cls, counts: list[int], digits: int) -> "Histogram":
        """Makes a histogram from the counts of its buckets."""
        histogram = cls(digits)
        hdr = histogram._hdr
        # Most latencies are short: what is beyond the longest is neither copied nor added up.
        end, step = len(counts), hdr.sub_bucket_half_count
        while end and not any(counts[end - step : end]):
            end -= step
        if end:
            hdr.counts[:end] = counts[:end]
            hdr.total_count = sum(counts[:end])
            last = next(index for index in range(end - 1, -1, -1) if counts[index])
            hdr.max_value = hdr.get_value_from_index(last)
        return histogram

    def encode(self) -> str:
        """Returns the histogram in HdrHistogram's compressed V2 format, as base64."""
        encoded: bytes = self._hdr.encode()
        return encoded.decode("ascii")

    def add(self, encoded: str) -> None:
        """Adds an encoded histogram, exactly: bucket by bucket.

        Args:
            encoded: HdrHistogram's compressed V2 format, as base64.

        Raises:
            HistogramError: It is not readable, or of another layout.
        """
        try:
            other = HdrHistogram.decode(encoded)
        except (ValueError, TypeError, IndexError, zlib.error, HdrCookieException, HdrLengthException) as error:
            raise HistogramError(f"not an encoded histogram: {error}") from error
        layout = (other.lowest_trackable_value, other.highest_trackable_value, other.significant_figures)
        if layout != (LOWEST, HIGHEST, self.digits):
            raise HistogramError(f"histogram of another layout: range and digits are {layout}")
        self._hdr.add(other)
        self._cumulative = None

    def counts(self) -> list[int]:
        """Number of values in each bucket, up to the last one in use."""
        used = self._hdr.get_counts_array_index(self._hdr.max_value) + 1 if self.total else 0
        return list(self._hdr.counts[:used])

    @property
    def total(self) -> int:
        """Number of values."""
        return int(self._hdr.total_count)

    @property
    def min(self) -> int:
        """Least value in microseconds, 0 if there is none."""
        return self._value_at_rank(1, highest=False)

    @property
    def max(self) -> int:
        """Greatest value in microseconds, 0 if there is none."""
        return self._value_at_rank(self.total)

    @property
    def mean(self) -> float:
        """Arithmetic mean in microseconds, 0 if there are no values."""
        counts = self._hdr.counts[: len(self._ranks())]
        return sum(map(mul, counts, _middles(self.digits))) / self.total if self.total else 0.0

    def percentile(self, percent: float) -> int:
        """Finds a quantile as every HdrHistogram does: the highest value of the bucket in which it lies.

        Args:
            percent: Above 0, up to 100.

        Returns:
            Microseconds, 0 if there are no values.
        """
        return self.value_at(max(int(percent * self.total / 100 + 0.5), 1))

    def value_at(self, rank: int) -> int:
        """Finds an order statistic: the highest value of the bucket in which it lies.

        Args:
            rank: Its place in ascending order, from 1.

        Returns:
            Microseconds, 0 if the rank is 0 or there are no values.
        """
        return self._value_at_rank(rank) if rank else 0

    def _ranks(self) -> list[int]:
        """Cumulative counts up to the last bucket in use."""
        if self._cumulative is None:
            used = self._hdr.get_counts_array_index(self._hdr.max_value) + 1 if self.total else 0
            self._cumulative = list(accumulate(self._hdr.counts[:used]))
        return self._cumulative

    def _value_at_rank(self, rank: int, *, highest: bool = True) -> int:
        if not self.total:
            return 0
        value = self._hdr.get_value_from_index(bisect_left(self._ranks(), rank))
        return int(self._hdr.get_highest_equivalent_value(value)) if highest else int(value)
