"""The operator dies after its k-th write: a sample of what `make crash` does for every k."""

import asyncio

import pytest

from e2e.crash.trial import Found, on_course
from e2e.faults.layer import Kind


async def _trials() -> list[Found]:
    async with on_course() as course:
        plain = await course.trial(Kind.KILL, 0)
        # The namespace was made; the verdict is on record, and the taking away has begun. test_faults kills in between.
        ats = [plain.first(what) for what in ("create namespaces", "delete")]
        return [plain, *[await course.trial(Kind.KILL, at) for at in ats]]


@pytest.mark.exclusive
def test_an_operator_that_dies_after_a_write_changes_nothing() -> None:
    plain, *others = asyncio.run(_trials())
    assert plain.verdict == "Passed (AllStepsSucceeded)"
    for found in others:
        assert found.wrote
        assert found.deviations(plain) == []
