"""Requests and limits: what is filled in beside what the user wrote."""

import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from seatrial.build.deployment import deployment
from tests.build.objects import ORIGIN, Object, container, load, load_spec, web

_UNITS: dict[str, int | Decimal] = {"": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def amount(text: str) -> Decimal:
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text)
    assert match
    return Decimal(match.group(1)) * _UNITS[match.group(2)]


QUANTITIES = st.builds(
    lambda number, unit: f"{number}{unit}",
    st.one_of(st.integers(1, 5000), st.decimals("0.1", "99.9", places=1)),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)
AMOUNTS = st.fixed_dictionaries({}, optional={"cpu": QUANTITIES, "memory": QUANTITIES})


def resources(given_resources: Object) -> Object:
    built: Object = container(deployment(ORIGIN, "trial", web(resources=given_resources)))["resources"]
    return built


@given(requests=AMOUNTS, limits=AMOUNTS)
def test_what_is_filled_in_never_makes_a_request_exceed_its_limit(requests: Object, limits: Object) -> None:
    for kind in ("cpu", "memory"):
        if kind in requests and kind in limits:
            assume(amount(requests[kind]) <= amount(limits[kind]))
    built = resources({"requests": requests, "limits": limits})
    for kind in ("cpu", "memory"):
        request, limit = built["requests"][kind], built["limits"][kind]
        assert request == requests.get(kind, request)
        assert limit == limits.get(kind, limit)
        assert amount(request) <= amount(limit)


@pytest.mark.parametrize(("kind", "asked", "most"), [("cpu", "1500m", "1"), ("memory", "1Gi", "1000M")])
def test_a_request_above_the_users_own_limit_is_refused(kind: str, asked: str, most: str) -> None:
    with pytest.raises(ValidationError, match=f"requests.{kind} {asked} is more than limits.{kind} {most}: lower it"):
        web(resources={"requests": {kind: asked}, "limits": {kind: most}})
    web(resources={"requests": {kind: most}, "limits": {kind: asked}})


def test_defaults() -> None:
    assert resources({}) == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    }


def test_a_limit_below_the_default_request_lowers_the_request() -> None:
    built = resources({"limits": {"memory": "32Mi"}})
    assert (built["requests"]["memory"], built["limits"]["memory"]) == ("32Mi", "32Mi")
    built = resources({"limits": {"memory": "32Mi"}, "requests": {"cpu": "10m"}})
    assert (built["requests"]["memory"], built["requests"]["cpu"]) == ("32Mi", "10m")


def test_a_request_above_the_default_limit_raises_the_limit() -> None:
    built = resources({"requests": {"cpu": "2500m", "memory": "1Gi"}})
    assert built["limits"] == {"cpu": "2500m", "memory": "1Gi"}


def test_workers_have_requests_and_a_limit_of_memory() -> None:
    built = container(load(load_spec()))["resources"]
    assert amount(built["requests"]["memory"]) <= amount(built["limits"]["memory"])
    assert "cpu" in built["requests"]
