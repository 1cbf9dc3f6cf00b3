"""The reference pages: complete, linked, with examples that work, and not stale."""

import re
from pathlib import Path

import pytest
import yaml

from seatrial.api import generated, reference
from seatrial.api.crd import KINDS, Kind
from seatrial.api.loadtest import LoadTest, LoadTestSpec
from seatrial.api.reference import EXAMPLES, page
from seatrial.api.scenario import TestScenario, TestScenarioSpec
from seatrial.api.validation import read

ROOT = Path(__file__).parents[2]


def test_the_pages_in_the_repository_are_not_stale() -> None:
    assert generated.stale(reference.files(), ROOT) == []


def test_the_examples_are_valid() -> None:
    scenario, load = (yaml.safe_load(EXAMPLES[kind]) for kind in KINDS)
    assert (scenario["kind"], load["kind"]) == ("TestScenario", "LoadTest")
    assert {example["apiVersion"] for example in (scenario, load)} == {"seatrial.dev/v1alpha1"}
    assert read(TestScenarioSpec, scenario["spec"]).environment.services
    assert read(LoadTestSpec, load["spec"]).thresholds


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_has_its_target(kind: Kind) -> None:
    text = page(kind)
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", text, flags=re.MULTILINE)}
    links = set(re.findall(r"\]\(#(\w+)\)", text))
    assert links
    assert links <= headings


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_has_four_cells_and_an_explanation(kind: Kind) -> None:
    rows = [line for line in page(kind).splitlines() if re.match(r"\| `\w+` \|.*\|.*\|", line)]
    assert len(rows) > 40
    for row in rows:
        cells = re.split(r"(?<!\\)\|", row)[1:-1]
        assert len(cells) == 4, row
        assert cells[3].strip().endswith("."), row


def rows_of(kind: Kind) -> dict[str, str]:
    """The rows of a page by object and field, for example ``Step.needs``."""
    found: dict[str, str] = {}
    section = ""
    for line in page(kind).splitlines():
        if heading := re.fullmatch(r"### (\w+)", line):
            section = heading[1]
        elif row := re.match(r"\| `(\w+)` \| (.*)", line):
            found[f"{section}.{row[1]}"] = row[2]
    return found


@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("Step.needs", "list of up to 10 [Need](#need) |  |"),
        ("Step.expect", "list of up to 20 strings of up to 1024 characters |  |"),
        ("Step.capture", "map of up to 16 strings of up to 1024 characters |  |"),
        ("Step.name", "string of up to 50 characters | *required* |"),
        ("Step.job", "[Job](#job) |  |"),
        ("HttpRequest.json", "any JSON |  |"),
        ("HttpRequest.timeout", "duration | `10s` |"),
        ("Readiness.timeout", "duration | `2m` |"),
        ("Service.replicas", "integer, 1 to 20 | `1` |"),
        ("Service.podSecurity", "`Baseline`, `Restricted` | `Baseline` |"),
        ("RunStatus.startedAt", "time |  |"),
        ("StepStatus.captures", "map of any JSON |  |"),
        ("StepStatus.attempts", "integer | `0` |"),
        ("LoadResult.errorRate", "number | `0` |"),
    ],
)
def test_a_row_says_type_and_default_as_a_person_would(field: str, row: str) -> None:
    assert rows_of(TestScenario)[field].startswith(row)


def test_rules_and_variables_are_listed() -> None:
    scenario, load = page(TestScenario), page(LoadTest)
    for text in (
        "- give one of json, form and text",
        "- a service cannot depend on itself",
        "- capture: a name is",
    ):
        assert text in scenario
    assert "| `response.status` | `int` |" in scenario
    assert "| `captures.NAME` | `dyn` |" in scenario
    assert "| `latency.p99` | `duration` |" in scenario
    assert "| `response.status` |" not in load
    assert "| `latency.p99` | `duration` |" in load
