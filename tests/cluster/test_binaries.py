from dataclasses import replace
from pathlib import Path

import pytest

from e2e.cluster import binaries, golang
from e2e.cluster.binaries import PROGRAMS, Recipe
from e2e.cluster.failure import ClusterError

RECIPE = Recipe(
    module="require (\n\tk8s.io/kubernetes v1.36.3\n)\n", sums="h1:x", pause="package main", machine="x86_64"
)


def test_the_same_recipe_has_the_same_key() -> None:
    assert RECIPE.key == replace(RECIPE).key
    assert len(RECIPE.key) == 12


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECIPE, module="require (\n\tk8s.io/kubernetes v1.36.4\n)\n"),
        replace(RECIPE, sums="h1:y"),
        replace(RECIPE, pause="package main // changed"),
        replace(RECIPE, machine="aarch64"),
    ],
)
def test_every_part_of_the_recipe_changes_the_key(changed: Recipe) -> None:
    assert changed.key != RECIPE.key


def test_the_programs_are_told_the_version_of_go_mod() -> None:
    assert "version.gitVersion=v1.36.3" in RECIPE.flags[-1]
    assert "version.gitMinor=36" in RECIPE.flags[-1]


def test_a_module_without_kubernetes_is_refused() -> None:
    with pytest.raises(ClusterError, match="requires no release"):
        _ = replace(RECIPE, module="module x\n").flags


def test_the_repository_pins_a_release() -> None:
    assert Recipe.of_repository().kubernetes.count(".") == 2


def test_a_folder_counts_only_with_every_program(tmp_path: Path) -> None:
    for program in PROGRAMS[:-1]:
        (tmp_path / program).touch()
    assert not binaries.complete(tmp_path)
    (tmp_path / PROGRAMS[-1]).touch()
    assert binaries.complete(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.9 linux/amd64", (1, 9)),
        ("go version devel +abc linux/amd64", None),
    ],
)
def test_the_version_of_go_is_read(text: str, expected: tuple[int, int] | None) -> None:
    assert golang.parse_version(text) == expected
