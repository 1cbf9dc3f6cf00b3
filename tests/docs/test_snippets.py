"""Every manifest in the pages is one that Seatrial takes, by the checks of `seatrial validate`."""

from typing import Any

import pytest
import yaml

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.validation import InvalidSpec, read
from tests.docs.pages import PAGES, Block, blocks

#: What a snippet of steps alone stands on: the services that the pages speak of.
SERVICES = [
    {"name": name, "image": f"registry.example.com/shop/{name}:1", "ports": [{"name": "http", "port": 8080}]}
    for name in ("orders", "inventory")
]

SNIPPETS = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
KINDS: dict[str, type[TestScenarioSpec | LoadTestSpec]] = {"TestScenario": TestScenarioSpec, "LoadTest": LoadTestSpec}


def _check(kind: type[TestScenarioSpec | LoadTestSpec], spec: Any, place: str) -> None:
    try:
        read(kind, spec)
    except InvalidSpec as error:
        pytest.fail(f"{place}: {error}")


@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: block.place)
def test_a_yaml_snippet_is_valid(block: Block) -> None:
    for document in yaml.safe_load_all(block.text):
        kind = KINDS.get(document.get("kind", ""))
        if kind:
            assert document["apiVersion"] == "seatrial.dev/v1alpha1", block.place
            assert document["metadata"]["name"], block.place
            _check(kind, document["spec"], block.place)
        elif "kind" in document:
            assert {"apiVersion", "metadata"} <= document.keys(), f"{block.place} is no Kubernetes object"
        elif "target" in document:
            _check(LoadTestSpec, document, block.place)
        else:
            _check(TestScenarioSpec, {"environment": {"services": SERVICES}, **document}, block.place)


def test_there_are_snippets_of_both_kinds_and_of_parts() -> None:
    kinds = {yaml.safe_load(block.text).get("kind") for block in SNIPPETS}
    assert {"TestScenario", "LoadTest", None} <= kinds


def test_a_wrong_snippet_is_found() -> None:
    wrong = Block("page.md:1", "yaml", "steps: [{name: a, http: {service: order}}]")
    with pytest.raises(pytest.fail.Exception, match=r"page\.md:1: .*did you mean 'orders'"):
        test_a_yaml_snippet_is_valid(wrong)
