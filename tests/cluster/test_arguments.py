from pathlib import Path

import pytest

from e2e.cluster.__main__ import connect, main, parser
from e2e.cluster.backend import Choice, Kind
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.kind import KindCluster
from e2e.cluster.progress import Progress
from e2e.cluster.source import SourceCluster


def test_exec_leaves_the_options_of_the_command_alone() -> None:
    arguments = parser().parse_args(["exec", "--", "kubectl", "get", "pods", "--context", "other", "-A"])
    assert arguments.argv == ["kubectl", "get", "pods", "--context", "other", "-A"]
    assert arguments.context is None


def test_a_context_can_be_named_with_every_command() -> None:
    for words in (["up"], ["down"], ["status"], ["kubeconfig"], ["load", "image"], ["exec", "true"]):
        arguments = parser().parse_args([words[0], "--context", "staging", *words[1:]])
        assert arguments.context == "staging"


@pytest.mark.parametrize("words", [[], ["exec"], ["load"], ["restart"]])
def test_an_incomplete_command_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Kind.EXISTING, ExistingCluster), (Kind.KIND, KindCluster), (Kind.SOURCE, SourceCluster)],
)
def test_each_kind_has_its_backend(kind: Kind, expected: type, tmp_path: Path) -> None:
    folders = Folders(cache=tmp_path / "cache", state=tmp_path / "state")
    assert isinstance(connect(Choice(kind, "a test", "name"), folders, Progress()), expected)


def test_a_failure_is_shown_with_its_remedy_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Not below tmp_path, which may be too long for the unix sockets in a state folder. Nothing is written there.
    monkeypatch.setenv("XDG_STATE_HOME", "/nonexistent")
    monkeypatch.delenv("SEATRIAL_CONTEXT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["kubeconfig"]) == 3
    assert "remedy: bring it up: python3 -m e2e.cluster up" in capsys.readouterr().err


def test_images_are_not_loaded_into_somebody_elses_cluster(tmp_path: Path) -> None:
    cluster = ExistingCluster("prod-eu", Folders(cache=tmp_path, state=tmp_path / "state"), Progress())
    with pytest.raises(ClusterError, match=r"cannot load app:dev into the nodes of the context prod-eu"):
        cluster.load(["app:dev"])


def test_a_state_folder_too_deep_for_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/" + "deep/" * 20)
    with pytest.raises(ClusterError, match="set XDG_STATE_HOME to a shorter path"):
        Folders.of_user()
