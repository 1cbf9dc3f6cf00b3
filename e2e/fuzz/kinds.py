"""What random specs begin with: the kinds' schemas, and the examples."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from e2e.fuzz.generator import Generator
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.kube.resources import LOAD_TESTS, TEST_SCENARIOS, Resource

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Kind:
    """A kind of resource.

    Attributes:
        resource: Where the API server keeps it.
        model: Its spec as the operator reads it.
        schema: Its spec as the API server checks it.
        examples: Specs that are right.
    """

    resource: Resource
    model: type[TestScenarioSpec] | type[LoadTestSpec]
    schema: dict[str, Any]
    examples: list[Any]


@cache
def kinds() -> tuple[Kind, Kind]:
    """Reads both kinds."""
    documents = [
        body for file in sorted((_ROOT / "examples").glob("**/*.yaml")) for body in yaml.safe_load_all(file.read_text())
    ]
    scenarios, tests = (
        Kind(resource, model, _schema(resource), [body["spec"] for body in documents if body["kind"] == resource.kind])
        for resource, model in ((TEST_SCENARIOS, TestScenarioSpec), (LOAD_TESTS, LoadTestSpec))
    )
    return scenarios, tests


def _schema(resource: Resource) -> dict[str, Any]:
    text = (_ROOT / "crds" / f"{resource.group}_{resource.plural}.yaml").read_text(encoding="utf-8")
    (version,) = yaml.safe_load(text)["spec"]["versions"]
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def drawn(seed: str) -> tuple[Kind, Any]:
    """Returns a kind and a random spec of it; the same for the same seed."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    kind = random.choices(kinds(), (3, 1))[0]
    return kind, Generator(random).spec(kind.schema, kind.examples)
