"""What the pages tell to type, and the words they say that come back, are those of the code."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api.status import Verdict
from seatrial.cli import arguments
from seatrial.cli.exits import BY_VERDICT
from tests.docs.pages import PAGES, ROOT, blocks, prose, title

RESULTS = ROOT / "docs/results.md"


def _commands(page: Path) -> str:
    """All that a page tells to type, and all code in its text."""
    typed = [block.text.replace("\\\n", " ") for block in blocks(page) if block.language == "console"]
    return "\n".join([*typed, *re.findall(r"`([^`\n]+)`", prose(page))])


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^(?:\$ )?make ([a-z0-9-]+)", _commands(page), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_commands_of_seatrial_parse(page: Path) -> None:
    parser = arguments.parser()
    for line in re.findall(r"^(?:\$ )?seatrial ((?:run|validate|report) [^\n#>|]+)", _commands(page), re.MULTILINE):
        parser.parse_args(line.replace("…", "").split())


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_programs_of_the_repository_exist(page: Path) -> None:
    for module in re.findall(r"python3? -m (e2e\.\w+)", _commands(page)):
        assert (ROOT / module.replace(".", "/") / "__main__.py").exists()


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_values_of_the_chart_exist(page: Path) -> None:
    values = yaml.safe_load((ROOT / "charts/seatrial/values.yaml").read_text())
    named = re.findall(r"--set(?:-string)? ([\w.]+)=", _commands(page))
    if page.name in {"install.md", "security.md", "results.md", "failure-modes.md"}:
        sections = "|".join(values)
        named += re.findall(rf"^((?:{sections})(?:\.\w+)*)(?:=.*)?$", _commands(page), re.MULTILINE)
    for path in named:
        found: Any = values
        for key in path.split("."):
            assert key in found, path
            found = found[key]


def test_the_reasons_in_the_table_are_those_of_the_code() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "operator/seatrial").rglob("*.py"))
    rows = re.search(r"## Reasons\n\n(.*?)\n\n", RESULTS.read_text(), re.DOTALL)
    assert rows
    reasons = re.findall(r"`([A-Z]\w+)`", rows.group(1))
    assert len(reasons) > 40
    assert not [reason for reason in reasons if f'"{reason}"' not in source]


def test_the_exit_codes_in_the_table_are_those_of_the_code() -> None:
    table = re.findall(r"^\| `(\w+)` \| .* \| (\d) \|$", RESULTS.read_text(), re.MULTILINE)
    assert {Verdict(verdict): int(code) for verdict, code in table} == BY_VERDICT


def test_the_table_of_rights_is_that_of_the_chart() -> None:
    template = (ROOT / "charts/seatrial/templates/clusterrole.yaml").read_text()
    granted: dict[str, set[str]] = {}
    for resources, verbs in re.findall(r"resources: \[(.+)\]\n    verbs: \[(.+)\]", template):
        for resource in resources.split(", "):
            granted.setdefault(resource, set()).update(verbs.split(", "))
    page = (ROOT / "docs/security.md").read_text()
    section = page.partition("## What the operator may do")[2].partition("\n## ")[0]
    told: dict[str, set[str]] = {}
    for resources, verbs in re.findall(r"^\| ([a-z/, ]+) \| ([a-z,; ]+) \| ", section, re.MULTILINE)[1:]:
        for resource in resources.split(", "):
            words = verbs.replace(" in its own namespace only", "").replace(" and ", ", ").replace("; ", ", ")
            told[resource] = set(words.split(", "))
    assert told == granted
