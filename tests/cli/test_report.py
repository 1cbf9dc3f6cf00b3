"""``seatrial report``, and the files that ``seatrial run`` writes."""

import hashlib
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from seatrial.api import names
from seatrial.api.status import TestScenarioStatus, Verdict
from seatrial.cli import fetch
from seatrial.cli.report import ReportOptions, form_of, report
from seatrial.kube.errors import ApiError, Unreachable
from seatrial.report.compose import composed
from seatrial.report.model import Artifact, Report, Tail
from seatrial.report.size import packed


def whole(status: dict[str, Any], size: int = 0) -> Report:
    found = composed("TestScenario", "shop", "checkout", "uid-1", TestScenarioStatus.model_validate(status))
    extra = {
        "tails": [Tail(owner="list", pod="p", lines=["no such table"])],
        "artifacts": [
            Artifact(step="list", pod="p", name="shot", content="iVBORw==", encoding="base64", size=4),
            Artifact(step="../..", pod="p", name="../../evil", content="x" * size, size=size),
        ],
    }
    return found.model_copy(update=extra)


def store(command: Any, status: dict[str, Any], *, size: int = 0) -> None:
    """Puts a run that has ended, with its report, into the cluster."""
    text, parts = packed(whole(status, size))
    titles = [names.report("checkout", "uid-1", "1", number) for number in range(1, len(parts) + 1)]
    command.cluster.config_maps = {
        title: {"metadata": {"labels": {names.REPORT_OF: "uid-1"}}, "data": part}
        for title, part in zip(titles, parts, strict=True)
    }
    digest = hashlib.sha256(text.encode()).hexdigest()
    status["report"] = {"run": "1", "configMaps": titles, "sha256": digest, "bytes": len(text.encode())}
    command.cluster.stored = {
        "kind": "TestScenario",
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "uid-1", "generation": 1, "resourceVersion": "1"},
        "spec": {},
        "status": status,
    }


@pytest.fixture
def ended(command: Any) -> Any:
    store(command, command.ended(1, Verdict.FAILED))
    return command


def ask(command: Any, name: str = "checkout", **options: Any) -> int:
    return report(ReportOptions(name=name, **options), command._connect)


def test_it_prints_the_whole_report(ended: Any, capsys: Any) -> None:
    assert ask(ended) == 0
    out = capsys.readouterr().out
    for words in ("Failed  TestScenario shop/checkout, run 1", "no such table", "list/shot"):
        assert words in out


def test_every_form_can_be_had(ended: Any, capsys: Any, tmp_path: Path) -> None:
    assert ask(ended, "tscn/checkout", form="json") == 0
    assert json.loads(capsys.readouterr().out)["tails"][0]["lines"] == ["no such table"]
    assert ask(ended, form="junit") == 0
    assert ET.fromstring(capsys.readouterr().out).get("failures") == "1"  # noqa: S314 - our own
    page = tmp_path / "report.html"
    assert ask(ended, form="html", output=str(page)) == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert capsys.readouterr().out == ""
    assert ask(ended, form="text", output=str(tmp_path / "report.txt")) == 0
    assert "no such table" in (tmp_path / "report.txt").read_text()


def test_artifacts_are_written_below_the_folder_only(ended: Any, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    assert ask(ended, artifacts=str(folder)) == 0
    assert (folder / "list/shot").read_bytes() == b"\x89PNG"
    assert not list(tmp_path.glob("evil"))
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["evil", "shot"]


def test_a_report_of_several_parts_is_put_together(command: Any, capsys: Any) -> None:
    store(command, command.ended(1, Verdict.PASSED), size=1_500_000)
    assert len(command.cluster.config_maps) > 1
    assert ask(command, form="json") == 0
    assert len(json.loads(capsys.readouterr().out)["artifacts"][1]["content"]) == 1_500_000


def test_a_report_that_was_changed_is_refused(ended: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "AGAIN", 0)
    [body] = ended.cluster.config_maps.values()
    body["data"]["report.json"] = body["data"]["report.json"].replace("Failed", "Passed")
    assert ask(ended) == 3
    assert "is not the one whose sha256 is in status" in capsys.readouterr().err


def test_without_a_report_it_says_what_status_says(ended: Any, capsys: Any) -> None:
    ended.cluster.config_maps = {}
    assert ask(ended) == 0
    shown = capsys.readouterr()
    assert "Failed  TestScenario shop/checkout" in shown.out
    assert "there is none in the cluster" in shown.err
    ended.cluster.refused_config_maps = ApiError(403, "Forbidden", "configmaps is forbidden")
    assert ask(ended) == 0
    assert "you may not read ConfigMaps in namespace shop" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options", "code", "says"),
    [
        ("pod/checkout", {}, 2, "write tscn/checkout or ldt/checkout"),
        ("ldt/checkout", {}, 3, "there is no LoadTest checkout"),
        ("checkout", {"run": "7"}, 3, "there is no report of run 7"),
        ("checkout", {"output": "/nowhere/at/all"}, 2, "/nowhere/at/all: No such file"),
    ],
)
def test_what_cannot_be_is_said(
    ended: Any, capsys: Any, name: str, options: dict[str, Any], code: int, says: str
) -> None:
    assert ask(ended, name, **options) == code
    assert says in capsys.readouterr().err


def test_a_cluster_that_does_not_answer_is_said(ended: Any, capsys: Any) -> None:
    ended.cluster.refused_config_maps = Unreachable("no route")
    assert ask(ended) == 3
    assert "the cluster cannot be reached" in capsys.readouterr().err


def test_run_writes_reports_before_it_removes_the_resource(command: Any, tmp_path: Path) -> None:
    store(command, command.ended(1, Verdict.FAILED))
    kept = command.cluster.config_maps
    final, command.cluster.stored = command.cluster.stored["status"], None
    files = {"junit": str(tmp_path / "junit.xml"), "report": str(tmp_path / "report.json")}
    assert command([final], remove=True, **files) == 1
    assert kept
    assert command.cluster.deleted
    assert ET.fromstring((tmp_path / "junit.xml").read_text()).get("failures") == "1"  # noqa: S314 - our own
    assert json.loads((tmp_path / "report.json").read_text())["tails"]


def test_run_says_when_a_file_cannot_be_written(command: Any, capsys: Any) -> None:
    assert command([command.ended(1, Verdict.PASSED)], junit="/nowhere/at/all.xml") == 3
    assert "/nowhere/at/all.xml" in capsys.readouterr().err


def test_the_ending_of_a_file_says_its_form() -> None:
    endings = {"a.json": "json", "a.XML": "junit", "a.html": "html", "a.txt": "text", "a": "text"}
    assert {file: form_of(file) for file in endings} == endings
