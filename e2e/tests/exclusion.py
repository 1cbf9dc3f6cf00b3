"""Tests run side by side, but for those that want the cluster to themselves: they come last, one by one.

A test that takes the operator away, kills it, changes its settings or cordons the node carries
``pytest.mark.exclusive``. So does one that measures what the others would disturb, or that would disturb what they
measure. ``exclusive(first=True)`` is for one that wants the operator that nobody has killed yet.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Quick ones without a run, which fill the gaps that long ones leave at the end.
_SHORT = ("test_admission", "test_chart")


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Holds a lock that all processes of this test run know."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def _place(item: pytest.Item) -> int:
    marker = item.get_closest_marker("exclusive")
    if marker:
        return 2 if marker.kwargs.get("first") else 3
    return int(item.path.stem in _SHORT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of this test run see, and no other run."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(autouse=True)
def _side_by_side(request: pytest.FixtureRequest, shared_folder: Path) -> Iterator[None]:
    with locked(shared_folder / "cluster.lock", shared=not request.node.get_closest_marker("exclusive")):
        yield
