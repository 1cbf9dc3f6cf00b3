"""Names are the same after a crash, different between runs, and such that Kubernetes takes them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import names

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SEGMENT = r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?"
RESOURCE_NAMES = st.from_regex(rf"{SEGMENT}(\.{SEGMENT}){{0,3}}", fullmatch=True)
UIDS = st.uuids().map(str)
RUNS = st.integers(1, 10**6).map(str)


@given(RESOURCE_NAMES, UIDS, RUNS)
def test_names_are_labels_that_follow_from_the_run(name: str, uid: str, run: str) -> None:
    for naming in (names.environment_namespace, names.load_job):
        made = naming(name, uid, run)
        assert LABEL.fullmatch(made)
        assert made == naming(name, uid, run)


@given(RESOURCE_NAMES, UIDS, RUNS, UIDS, RUNS)
def test_other_runs_and_other_resources_have_other_names(name: str, uid: str, run: str, uid2: str, run2: str) -> None:
    if (uid, run) != (uid2, run2):
        assert names.environment_namespace(name, uid, run) != names.environment_namespace(name, uid2, run2)


def test_labels_tell_whose_an_object_is() -> None:
    assert names.labels("u-1", "4", step="seed") == {
        "app.kubernetes.io/managed-by": "seatrial",
        "seatrial.dev/uid": "u-1",
        "seatrial.dev/run": "4",
        "seatrial.dev/step": "seed",
    }
    assert names.labels("u-1", "4", service="db")["seatrial.dev/service"] == "db"
    assert names.owner("LoadTest", "shop", "peak") == {"seatrial.dev/owner": "LoadTest/shop/peak"}
