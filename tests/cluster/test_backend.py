import pytest

from e2e.cluster import backend
from e2e.cluster.backend import Kind, Machine, choose

BARE = Machine(made=None, docker=False, kind=False)


def test_a_named_context_wins_over_everything() -> None:
    choice = choose("prod-eu", Machine(made=Kind.SOURCE, docker=True, kind=True))
    assert (choice.kind, choice.context) == (Kind.EXISTING, "prod-eu")


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (Machine(made=None, docker=True, kind=True), Kind.KIND),
        (Machine(made=None, docker=True, kind=False), Kind.SOURCE),
        (Machine(made=None, docker=False, kind=True), Kind.SOURCE),
        (BARE, Kind.SOURCE),
    ],
)
def test_without_a_name_docker_with_kind_decides(machine: Machine, expected: Kind) -> None:
    choice = choose(None, machine)
    assert (choice.kind, choice.context) == (expected, None)


@pytest.mark.parametrize("made", [Kind.SOURCE, Kind.KIND])
def test_a_cluster_that_was_made_stays_the_one_in_use_when_docker_comes_or_goes(made: Kind) -> None:
    for docker in (True, False):
        assert choose(None, Machine(made=made, docker=docker, kind=True)).kind is made


def test_the_current_context_of_a_kubeconfig_is_never_used(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/production")
    monkeypatch.delenv(backend.CONTEXT_VARIABLE, raising=False)
    assert backend.named_context(None) is None


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.CONTEXT_VARIABLE, "from-environment")
    assert backend.named_context("from-argument") == "from-argument"
    assert backend.named_context(None) == "from-environment"


def test_an_empty_variable_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.CONTEXT_VARIABLE, "")
    assert backend.named_context(None) is None
