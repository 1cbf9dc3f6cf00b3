"""What can be told of the chart without Helm; e2e/tests/test_chart.py has the rest."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api.loadtest import LoadTest
from seatrial.api.scenario import TestScenario

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "seatrial"
KINDS = {"TestScenario": TestScenario, "LoadTest": LoadTest}
# Kubernetes' own types: their fields are not values of the chart.
FREE_FORM = {"resources", "nodeSelector"}


def load_yaml(name: str) -> Any:
    return yaml.safe_load((CHART / name).read_text())


def load_schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text())


def paths_of_values(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and value and path not in FREE_FORM:
            yield from paths_of_values(value, f"{path}.")
        else:
            yield path


def paths_of_schema(schema: dict[str, Any], values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, child in schema["properties"].items():
        path, value = f"{prefix}{name}", values.get(name)
        if "properties" in child and value != {} and path not in FREE_FORM:
            yield from paths_of_schema(child, value or {}, f"{path}.")
        else:
            yield path


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}".lstrip("."))


def test_schema_describes_exactly_the_values() -> None:
    values = load_yaml("values.yaml")
    in_schema = set(paths_of_schema(load_schema(), values)) - {"global"}

    assert in_schema == set(paths_of_values(values))


def test_schema_explains_every_value_and_is_closed() -> None:
    for path, schema in nodes(load_schema()):
        if "properties" in schema:
            assert schema["additionalProperties"] is False, f"{path or 'the root'} accepts what is not a value"
        if path and not path.startswith("affinity."):
            assert schema["description"].endswith("."), path


def test_readme_lists_every_value() -> None:
    listed = re.findall(r"^\| `([A-Za-z0-9.]+)` \|", (CHART / "README.md").read_text(), re.MULTILINE)

    assert listed == list(paths_of_values(load_yaml("values.yaml")))


def test_every_value_is_used_by_a_template() -> None:
    templates = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    unused = [path for path in paths_of_values(load_yaml("values.yaml")) if f".Values.{path}" not in templates]

    assert unused == []


def test_versions_of_chart_and_package_agree() -> None:
    chart = load_yaml("Chart.yaml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert chart["appVersion"] == project["version"]


def test_chart_lists_the_definitions_it_installs() -> None:
    listed = {crd["name"] for crd in yaml.safe_load(load_yaml("Chart.yaml")["annotations"]["artifacthub.io/crds"])}
    definitions = (yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml"))

    assert listed == {definition["metadata"]["name"] for definition in definitions}


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_the_chart_are_valid(kind: str) -> None:
    examples = yaml.safe_load(load_yaml("Chart.yaml")["annotations"]["artifacthub.io/crdsExamples"])
    (example,) = [example for example in examples if example["kind"] == kind]

    parsed = KINDS[kind].model_validate({"spec": example["spec"]})

    assert parsed.model_dump()["spec"]
