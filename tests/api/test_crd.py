"""The CustomResourceDefinitions: what each node says, what is refused, and that the files are not stale."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from seatrial.api import crd, generated
from seatrial.api.base import Without, atomic
from seatrial.api.crd import KINDS, Kind, definition, render, template
from seatrial.api.loadtest import LoadTest
from seatrial.api.scenario import TestScenario
from seatrial.api.structural import NotStructuralError, structural

ROOT = Path(__file__).parents[2]

Schema = dict[str, Any]


@cache
def root(kind: Kind) -> Schema:
    schema: Schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for inner, suffix in (("items", "[]"), ("additionalProperties", ".*")):
        if inner in schema:
            yield from nodes(schema[inner], path + suffix)


def all_nodes(part: str) -> list[tuple[str, Schema]]:
    return [node for kind in KINDS for node in nodes(root(kind)["properties"][part], f"{kind.__name__}.{part}")]


class Inner(BaseModel):
    """An inner object."""

    name: str = Field(description="Its name.", max_length=10)


class Pair(BaseModel):
    """Two fields, one of them optional."""

    first: int = Field(description="First.")
    second: int = Field(0, description="Second.")


def convert(model: type[BaseModel], *, bounded: bool = False) -> Schema:
    return structural(model.model_json_schema(), path="spec", bounded=bounded)


# --- what the definitions say --------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_explains_itself(part: str) -> None:
    for path, node in all_nodes(part):
        for name, field in node.get("properties", {}).items():
            assert field["description"].rstrip().endswith("."), f"{path}.{name}"


@pytest.mark.parametrize("part", ["spec", "status"])
def test_only_keywords_of_structural_schemas_are_left(part: str) -> None:
    foreign = {"$ref", "$defs", "anyOf", "allOf", "oneOf", "const", "title", "default", "patternProperties"}
    for path, node in all_nodes(part):
        assert not node.keys() & foreign, path
        assert "type" in node or node["x-kubernetes-preserve-unknown-fields"], path


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_list_says_how_appliers_share_it(part: str) -> None:
    for path, node in all_nodes(part):
        if node.get("type") == "array":
            assert node["x-kubernetes-list-type"] in {"atomic", "map", "set"}, path
        for key in node.get("x-kubernetes-list-map-keys", []):
            assert key in node["items"]["required"], f"{path}: a list's key must always be there"


def test_everything_a_user_writes_is_bounded() -> None:
    for path, node in all_nodes("spec"):
        if node.get("type") == "string":
            assert node.keys() & {"maxLength", "enum", "format"}, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_every_rule_has_a_message_that_does_not_repeat_the_rule() -> None:
    rules = [rule for _, node in all_nodes("spec") for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) > 20
    for rule in rules:
        assert rule["message"]
        assert rule["message"] != rule["rule"]
        assert "\n" not in rule["rule"] + rule["message"], "the API server refuses line breaks"


def test_names_and_scope() -> None:
    scenario, load = (definition(kind)["spec"] for kind in KINDS)
    assert scenario["names"] == {
        "kind": "TestScenario",
        "listKind": "TestScenarioList",
        "plural": "testscenarios",
        "singular": "testscenario",
        "shortNames": ["tscn"],
        "categories": ["seatrial"],
    }
    assert load["names"]["shortNames"] == ["ldt"]
    assert scenario["scope"] == load["scope"] == "Namespaced"
    (version,) = scenario["versions"]
    assert version["name"] == "v1alpha1"
    assert version["served"]
    assert version["storage"]
    assert version["subresources"] == {"status": {}}


@pytest.mark.parametrize("kind", KINDS)
def test_printer_columns_show_fields_that_exist(kind: Kind) -> None:
    paths = {path for path, _ in nodes(root(kind)["properties"]["status"], ".status")}
    for column in definition(kind)["spec"]["versions"][0]["additionalPrinterColumns"]:
        assert column["jsonPath"] in paths | {".metadata.creationTimestamp"}


@pytest.mark.parametrize("kind", KINDS)
def test_spec_is_required_and_status_is_not(kind: Kind) -> None:
    assert root(kind)["required"] == ["spec"]
    assert root(kind)["description"] == kind.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_stays_under_200_kilobytes(kind: Kind) -> None:
    assert len(render(kind).encode()) < 200_000


# --- conversion ----------------------------------------------------------------------------------------------------


def test_an_optional_object_becomes_the_object_with_the_field_s_own_description() -> None:
    class Outer(BaseModel):
        inner: Inner | None = Field(None, description="Said at the field.")

    inner = convert(Outer)["properties"]["inner"]
    assert inner == {
        "description": "Said at the field.",
        "type": "object",
        "properties": {"name": {"description": "Its name.", "type": "string", "maxLength": 10}},
        "required": ["name"],
    }


def test_literals_and_enums_become_enums() -> None:
    class Colour(StrEnum):
        RED = "Red"

    class Outer(BaseModel):
        one: Literal["A"] = Field("A", description="One.")
        two: Literal["A", "B"] = Field("A", description="Two.")
        colour: Colour = Field(Colour.RED, description="Colour.")

    fields = convert(Outer, bounded=True)["properties"]
    assert [fields[name]["enum"] for name in ("one", "two", "colour")] == [["A"], ["A", "B"], ["Red"]]
    assert {field["type"] for field in fields.values()} == {"string"}


def test_a_map_with_a_pattern_for_its_keys_becomes_a_map() -> None:
    key = Annotated[str, Field(pattern="^[a-z]+$", max_length=5)]

    class Outer(BaseModel):
        names: dict[key, int] = Field({}, description="Names.")

    assert convert(Outer)["properties"]["names"] == {
        "description": "Names.",
        "type": "object",
        "additionalProperties": {"type": "integer"},
    }


@pytest.mark.parametrize("name", ["first", "third"])
def test_only_optional_fields_that_are_there_can_be_left_out(name: str) -> None:
    class Outer(BaseModel):
        pair: Annotated[Pair, Without(name)] = Field(description="A pair.")

    with pytest.raises(NotStructuralError, match=name):
        convert(Outer)


def test_a_field_that_never_has_a_value_somewhere_is_left_out_there() -> None:
    class Outer(BaseModel):
        some: list[Annotated[Pair, Without("second")]] = Field([], description="Some.", json_schema_extra=atomic())
        all: list[Pair] = Field([], description="All.", json_schema_extra=atomic())

    fields = convert(Outer)["properties"]
    assert [list(fields[name]["items"]["properties"]) for name in ("some", "all")] == [["first"], ["first", "second"]]


def test_rules_of_an_object_and_of_the_field_that_holds_it_both_apply() -> None:
    class Ruled(BaseModel):
        model_config = {"json_schema_extra": {"x-kubernetes-validations": [{"rule": "a"}]}}

    class Outer(BaseModel):
        inner: Ruled = Field(description="Inner.", json_schema_extra={"x-kubernetes-validations": [{"rule": "b"}]})

    assert convert(Outer)["properties"]["inner"]["x-kubernetes-validations"] == [{"rule": "a"}, {"rule": "b"}]


# --- refusals ------------------------------------------------------------------------------------------------------


class Tree(BaseModel):
    """A tree."""

    branches: list["Tree"] = Field(
        [], description="Branches.", max_length=2, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )


ATOMIC: JsonDict = {"x-kubernetes-list-type": "atomic"}


@pytest.mark.parametrize(
    ("annotation", "field", "keyword"),
    [
        (set[str], Field(description="A set.", json_schema_extra=ATOMIC), "uniqueItems"),
        (tuple[str, int], Field(description="A tuple.", json_schema_extra=ATOMIC), "prefixItems"),
        (Annotated[int, Field(gt=0)], Field(description="Exclusive."), "exclusiveMinimum"),
        (Annotated[int, Field(multiple_of=5)], Field(description="A multiple."), "multipleOf"),
        (int | str, Field(description="A union."), "anyOf"),
        (Tree, Field(description="A tree."), "$ref"),
        (str, Field(), "description"),
        (Any, Field(description="Anything."), "type"),
        (dict[str, Any], Field(description="Anything."), "additionalProperties"),
        (list[str], Field(description="A list."), "x-kubernetes-list-type"),
        (str, Field(description="An ISO duration.", json_schema_extra={"format": "duration"}), "format"),
        (str, Field(description="Old.", deprecated=True), "deprecated"),
        (str, Field(description="Exemplary.", examples=["a"]), "examples"),
        (dict[Literal["a", "b"], int], Field(description="Known keys."), "propertyNames"),
    ],
)
def test_what_a_structural_schema_cannot_say_is_refused(annotation: Any, field: Any, keyword: str) -> None:
    outer = type("Outer", (BaseModel,), {"__annotations__": {"there": annotation}, "there": field})
    with pytest.raises(NotStructuralError) as caught:
        convert(outer)
    assert caught.value.keyword == keyword
    assert caught.value.path.startswith("spec.there")
    assert str(caught.value).startswith(f"{caught.value.path}: {keyword}: ")


@pytest.mark.parametrize(
    ("annotation", "extra", "keyword"),
    [(str, {}, "maxLength"), (list[int], ATOMIC, "maxItems"), (dict[str, int], {}, "maxProperties")],
)
def test_what_a_user_writes_must_be_bounded_and_what_we_write_need_not(
    annotation: Any, extra: JsonDict, keyword: str
) -> None:
    field = Field(description="Unbounded.", json_schema_extra=extra)
    outer = type("Outer", (BaseModel,), {"__annotations__": {"there": annotation}, "there": field})
    convert(outer)
    with pytest.raises(NotStructuralError, match=f"spec.there: {keyword}: "):
        convert(outer, bounded=True)


def test_fields_beside_a_map_are_refused() -> None:
    class Outer(BaseModel):
        name: str = Field(description="A name.")
        model_config = {"json_schema_extra": {"additionalProperties": {"type": "string"}}}

    with pytest.raises(NotStructuralError, match="has fields or is a map, not both"):
        convert(Outer)


def test_a_map_with_two_shapes_is_refused() -> None:
    schema = {"type": "object", "patternProperties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    with pytest.raises(NotStructuralError, match="one schema for all its values"):
        structural(schema, path="spec", bounded=False)


def test_a_list_without_a_schema_for_its_items_is_refused() -> None:
    with pytest.raises(NotStructuralError, match=r"spec: items: "):
        structural({"type": "array", "x-kubernetes-list-type": "atomic"}, path="spec", bounded=False)


# --- files ---------------------------------------------------------------------------------------------------------


def test_the_files_in_the_repository_are_not_stale() -> None:
    assert generated.stale(crd.files(), ROOT) == []


def test_check_names_the_stale_file_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = crd.files()

    def run(*arguments: str) -> int:
        return generated.run([*arguments, str(tmp_path)], module="seatrial.api.crd", files=files)

    assert run("--check") == 1
    assert list(tmp_path.iterdir()) == []
    capsys.readouterr()

    assert run() == 0
    assert run("--check") == 0
    assert capsys.readouterr().err == ""

    stale = tmp_path / "crds/seatrial.dev_loadtests.yaml"
    stale.write_text("edited by hand")
    assert run("--check") == 1
    assert capsys.readouterr().err == (
        "crds/seatrial.dev_loadtests.yaml is not what the models say: run `python -m seatrial.api.crd`\n"
    )
    assert stale.read_text() == "edited by hand"


@pytest.mark.parametrize("kind", KINDS)
def test_the_yaml_says_what_the_definition_says_without_anchors(kind: Kind) -> None:
    text = render(kind)
    assert text.startswith("# Generated by `python -m seatrial.api.crd`; do not edit.\n")
    assert yaml.safe_load(text) == definition(kind)
    assert "&id" not in text


def test_the_chart_s_copy_differs_by_its_switches_alone() -> None:
    text = render(TestScenario)
    lines = template(TestScenario, text).splitlines()
    assert lines[0] == "{{- if .Values.crds.enabled }}"
    assert lines[-1] == "{{- end }}"
    keep = lines.index("  {{- if .Values.crds.keep }}")
    assert lines[keep : keep + 4] == [
        "  {{- if .Values.crds.keep }}",
        "  annotations:",
        "    helm.sh/resource-policy: keep",
        "  {{- end }}",
    ]
    assert lines[1:keep] + lines[keep + 4 : -1] == text.splitlines()


def test_braces_in_an_explanation_are_not_taken_for_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoadTest, "short_name", "{{x}}")
    assert "shortNames: ['{{ \"{{\" }}x}}']" in template(LoadTest, render(LoadTest))
