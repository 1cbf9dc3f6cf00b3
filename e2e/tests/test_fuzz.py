"""Random specs against the real API server and the real operator; `make fuzz` sends thousands."""

import asyncio

from e2e.fuzz.__main__ import fuzz


def test_each_of_two_hundred_random_specs_comes_to_an_end_that_a_person_understands() -> None:
    found = asyncio.run(fuzz(count=200, seed="ci", runs=6))
    assert found.wrong == []
    assert sum(found.ends.values()) == 200
    assert found.ends["Stalled, with field and remedy"] > 0
    assert found.ends["refused by the API server"] > 0
