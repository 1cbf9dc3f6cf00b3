from itertools import chain

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.load.histogram import HIGHEST, LOWEST, Histogram, HistogramError, Recording

PERCENTS = (1.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0)
samples = st.lists(st.integers(0, HIGHEST) | st.integers(0, 5000), max_size=200)
digits = st.sampled_from([2, 3])


def recorded(values: list[int], precision: int = 3) -> Recording:
    recording = Recording(precision)
    for value in values:
        recording.record(value)
    return recording


def read(*encoded: str, precision: int = 3) -> Histogram:
    histogram = Histogram(precision)
    for text in encoded:
        histogram.add(text)
    return histogram


@settings(deadline=None, max_examples=25)  # the reference takes a tenth of a second
@given(samples, digits)
def test_reads_what_hdrhistogram_itself_reads(values: list[int], precision: int) -> None:
    reference = HdrHistogram(LOWEST, HIGHEST, precision)
    for value in values:
        assert reference.record_value(value)
    histogram = read(recorded(values, precision).encode(), precision=precision)
    assert histogram.total == len(values)
    if values:
        assert histogram.mean == pytest.approx(reference.get_mean_value())
        assert histogram.max == reference.get_highest_equivalent_value(max(values))
        assert histogram.min == reference.get_lowest_equivalent_value(min(values))
        expected = reference.get_percentile_to_value_dict(list(PERCENTS))
        assert {percent: histogram.percentile(percent) for percent in PERCENTS} == expected


@settings(deadline=None, max_examples=40)
@given(st.lists(samples, max_size=5), digits)
def test_merging_equals_one_histogram_of_all_values(parts: list[list[int]], precision: int) -> None:
    merged = read(*(recorded(part, precision).encode() for part in parts), precision=precision)
    whole = read(recorded(list(chain.from_iterable(parts)), precision).encode(), precision=precision)
    assert merged.total == whole.total
    assert [merged.percentile(p) for p in PERCENTS] == [whole.percentile(p) for p in PERCENTS]
    assert (merged.min, merged.max, merged.mean) == (whole.min, whole.max, whole.mean)
    assert merged.encode() == whole.encode()


@given(samples)
def test_others_can_read_what_is_encoded(values: list[int]) -> None:
    other = HdrHistogram.decode(recorded(values).encode())
    assert other.get_total_count() == len(values)


def test_nothing_recorded_reads_as_zero() -> None:
    histogram = read(Recording().encode())
    assert (histogram.total, histogram.min, histogram.max, histogram.mean, histogram.percentile(99)) == (0, 0, 0, 0, 0)


def test_more_than_the_greatest_value_counts_as_the_greatest() -> None:
    histogram = read(recorded([HIGHEST * 24]).encode())
    assert histogram.max == pytest.approx(HIGHEST, rel=0.001)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "HISTFAAAAAB4nA==", recorded([5]).encode()[:-8]])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(HistogramError):
        Histogram().add(text)


def test_another_layout_is_refused() -> None:
    with pytest.raises(HistogramError, match="another layout"):
        Histogram(3).add(recorded([5], 2).encode())
