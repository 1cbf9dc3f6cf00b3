"""What all tests share. Properties are searched for with the same examples each time in CI, new ones at a desk.

`make check` searches a little (profile quick); `pytest --hypothesis-profile=soak` searches for an hour.
"""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from seatrial.sandbox.processes import Processes

# Tests of one layer share their models of the world as tests.LAYER.NAME, however pytest was started.
sys.path.append(str(Path(__file__).parent.parent))

# Deadlines would time single examples, on machines that do other things too.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("desk"), max_examples=10)
settings.register_profile("soak", settings.get_profile("desk"), max_examples=4000)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """What expressions are evaluated in: started once, because that takes most of a second."""
    processes = Processes()
    yield processes
    processes.close()


@pytest.fixture(autouse=True)
def _ctrl_c_counts() -> Iterator[None]:
    """A shell has what it starts in the background ignore Ctrl-C, the tests included; a user's command does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_collection_finish() -> None:
    """Leaves what was collected out of all collections of garbage to come: it stays, and there is much of it."""
    gc.collect()
    gc.freeze()
