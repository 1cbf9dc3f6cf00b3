"""The operator dies after its k-th write: a sample of what `make crash` does for every k."""

import asyncio

import pytest

from e2e.bench.api import connect, own_namespace
from e2e.bench.short import WATCHED
from e2e.bench.watching import watching
from e2e.crash.trial import Course, Found
from e2e.faults.layer import Kind
from e2e.outside import stand


async def _trials() -> list[Found]:
    async with (
        stand() as operators,
        connect() as api,
        own_namespace(api) as namespace,
        watching(api, *WATCHED) as watch,
    ):
        course = Course(operators, api, watch, namespace)
        plain = await course.trial(Kind.KILL, 0)
        # The namespace was made; the first Job was; the verdict is on record, and the taking away has begun.
        ats = [plain.first(what) for what in ("create namespaces", "create jobs", "delete")]
        return [plain, *[await course.trial(Kind.KILL, at) for at in ats]]


@pytest.mark.exclusive
def test_an_operator_that_dies_after_a_write_changes_nothing() -> None:
    plain, *others = asyncio.run(_trials())
    assert plain.verdict == "Passed (AllStepsSucceeded)"
    for found in others:
        assert found.wrote
        assert found.deviations(plain) == []
