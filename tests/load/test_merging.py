"""Known samples, spread over many workers: every figure of the merge against the exact one of all samples together.

The samples go the whole way: into each worker's tally, from there into its line of text, and through the operator's
reading and merging of the lines.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from time import monotonic_ns
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.load import LoadSpec
from seatrial.api.threshold import QUANTILES, of_request
from seatrial.load.assignment import assignment
from seatrial.load.histogram import HIGHEST, Recording
from seatrial.load.journal import Journal
from seatrial.load.line import parse_line
from seatrial.load.statistics import Merged, merged
from seatrial.load.threshold_values import threshold_values
from seatrial.load.users import Users

MICROSECOND = timedelta(microseconds=1)
#: A sample: the place of its request in the spec, and its latency in microseconds.
Sample = tuple[int, int]


def spec(workers: int, requests: int) -> LoadSpec:
    return LoadSpec.model_validate(
        {
            "target": {"service": "web"},
            "workers": workers,
            "requests": [{"path": f"/{index}"} for index in range(requests)],
            "profile": {"users": workers, "duration": "10s"},
        }
    )


async def told(load: LoadSpec, worker: int, samples: Sequence[Sample]) -> str:
    """The last line of a worker that has measured these."""
    begin = monotonic_ns() - 20_000_000_000
    pace = Users(assignment(load, host="127.0.0.1", port=80, index=worker), begin)
    tally = pace.tally
    for index, latency in samples:
        tally.requests += 1
        tally.latency.record(latency)
        tally.service.record(latency // 2)
        if tally.by_request:
            tally.by_request[index].requests += 1
            tally.by_request[index].latency.record(latency)
    return (await Journal(worker, pace, begin).line("final")).to_text()


def merge(parts: Sequence[Sequence[Sample]], requests: int = 1) -> Merged:
    load = spec(len(parts), requests)

    async def lines() -> list[str]:
        return [await told(load, worker, samples) for worker, samples in enumerate(parts)]

    return merged({line.worker: line for line in map(parse_line, asyncio.run(lines()))}, load)


def assert_exact(merge: Merged, name: str, samples: Sequence[int], *, digits: int = 3, requests: int = 1) -> None:
    """Holds figures against the samples: no quantile is below the exact one, nor above by more than digits allow."""
    values: dict[str, Any] = threshold_values(merge, range(requests if requests > 1 else 0))
    ordered = sorted(samples)
    assert values[f"{name}.count"] == len(ordered)
    for quantile, percent in {**QUANTILES, "max": 100.0}.items():
        # The rank that every HdrHistogram takes.
        exact = ordered[max(int(percent * len(ordered) / 100 + 0.5), 1) - 1]
        found = values[f"{name}.{quantile}"] / MICROSECOND
        assert exact <= found <= exact * (1 + 10**-digits) + 1, (quantile, exact)
    least = values[f"{name}.min"] / MICROSECOND
    assert ordered[0] * (1 - 10**-digits) - 1 <= least <= ordered[0]
    assert values[f"{name}.mean"] / MICROSECOND == pytest.approx(sum(ordered) / len(ordered), rel=10**-digits, abs=1)


def together(samples: Sequence[int]) -> str:
    whole = Recording(3)
    for sample in samples:
        whole.record(sample)
    return whole.encode()


LATENCIES = st.integers(0, 5000) | st.integers(0, 10_000_000) | st.integers(0, HIGHEST)


@settings(max_examples=30)
@given(st.lists(st.lists(LATENCIES, max_size=40), min_size=1, max_size=12).filter(any))
def test_every_figure_of_many_workers_is_that_of_all_samples(parts: list[list[int]]) -> None:
    samples = list(chain.from_iterable(parts))
    found = merge([[(0, latency) for latency in part] for part in parts])
    assert_exact(found, "latency", samples)
    assert_exact(found, "serviceTime", [sample // 2 for sample in samples])
    assert found.latency.encode() == together(samples)


@settings(max_examples=10)
@given(st.data(), st.sampled_from([(2, 3), (9, 2)]))
def test_every_figure_of_each_request_is_that_of_its_samples(data: st.DataObject, kind: tuple[int, int]) -> None:
    requests, digits = kind
    sample = st.tuples(st.integers(0, requests - 1), LATENCIES)
    parts = data.draw(st.lists(st.lists(sample, max_size=30), min_size=1, max_size=6).filter(any))
    found = merge(parts, requests)
    everything = list(chain.from_iterable(parts))
    assert_exact(found, "latency", [latency for _, latency in everything], requests=requests)
    for index in {index for index, _ in everything}:
        samples = [latency for place, latency in everything if place == index]
        assert_exact(found, f"{of_request(index)}.latency", samples, digits=digits, requests=requests)


def test_a_hundred_workers_of_a_service_that_stalls() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    parts = [
        [
            (0, round(chance.lognormvariate(9.5, 0.4)) if chance.random() < 0.97 else round(chance.uniform(0, 2e6)))
            for _ in range(chance.randint(1, 1500))
        ]
        for _ in range(100)
    ]
    samples = [latency for _, latency in chain.from_iterable(parts)]
    found = merge(parts)
    assert found.requests == len(samples)
    assert_exact(found, "latency", samples)
    assert found.latency.encode() == together(samples)
