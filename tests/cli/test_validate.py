"""``seatrial validate``: each mistake with its place, its value and what to do; nothing unchecked passes for valid."""

import io
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.validate import validate

HEAD = "apiVersion: seatrial.dev/v1alpha1\nkind: TestScenario\nmetadata: {name: checkout}\n"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    def run(text: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        Path("a.yaml").write_text(text, encoding="utf-8")
        code = validate(["a.yaml"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_valid_file(check: Any, command: Any) -> None:
    assert check(command.scenario) == (0, "a.yaml: TestScenario/checkout: valid\n", "")


def test_a_mistake_has_file_line_document_field_value_and_remedy(check: Any, command: Any) -> None:
    code, out, err = check(command.scenario.replace("{port: http", "{port: htp"))
    assert (code, out) == (2, "")
    assert err == (
        "a.yaml:10: TestScenario/checkout: spec.environment.services[0].ready.http.port: 'htp': "
        "no such port of service orders; did you mean 'http'?\n"
    )


def test_every_mistake_of_every_document_is_named(check: Any, command: Any) -> None:
    wrong = command.scenario.replace("service: orders", "service: order")
    code, _, err = check(f"{wrong}---\n{wrong.replace('checkout', 'other').replace('{port: http', '{port: htp')}")
    assert code == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == [
        "TestScenario/checkout",
        "TestScenario/other",
        "TestScenario/other",
    ]


def test_other_kinds_are_named_and_left_unchecked(check: Any, command: Any) -> None:
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: data}\n"
    code, out, _ = check(f"{other}---\n{command.scenario}")
    assert code == 0
    assert "a.yaml: ConfigMap/data: left unchecked: not a kind of Seatrial's" in out


def test_somebody_elses_load_test_is_not_ours(check: Any, command: Any) -> None:
    other = "apiVersion: kangal.hellofresh.com/v1\nkind: LoadTest\nmetadata: {name: x}\n"
    code, out, _ = check(f"{other}---\n{command.scenario}")
    assert code == 0
    assert "LoadTest/x: left unchecked" in out


@pytest.mark.parametrize("text", ["", "# only a comment\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"])
def test_nothing_checked_is_not_valid(check: Any, text: str) -> None:
    code, _, err = check(text)
    assert code == 2
    assert "nothing was checked" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- 1\n", "a.yaml:1: document: is not a Kubernetes object"),
        ("kind: TestScenario\n", "a.yaml:1: TestScenario/?: apiVersion: is required"),
        ("apiVersion: seatrial.dev/v1alpha1\n", "kind: is required"),
        (
            HEAD.replace("v1alpha1", "v1beta1"),
            "a.yaml:1: TestScenario/checkout: apiVersion: 'seatrial.dev/v1beta1': is not known to this version of "
            "Seatrial: write seatrial.dev/v1alpha1",
        ),
        (HEAD.replace("seatrial.dev", "seatrail.dev"), "write seatrial.dev/v1alpha1"),
        (
            HEAD.replace("TestScenario", "TestScenarios"),
            "kind: 'TestScenarios': no such kind in seatrial.dev/v1alpha1; did you mean 'TestScenario'?",
        ),
        (HEAD.replace("TestScenario", "Pod"), "there are TestScenario, LoadTest"),
        (HEAD, "a.yaml:1: TestScenario/checkout: spec: is required"),
        (
            HEAD + "spec: {environment: {services: []}}\nspecs: {}\n",
            "a.yaml:5: TestScenario/checkout: specs: there is no",
        ),
        (
            HEAD.replace("{name: checkout}", "{generateName: x-}"),
            "metadata.name: is required; generateName will not do",
        ),
        (HEAD.replace("{name: checkout}", "{}"), "metadata.name: is required"),
        (HEAD.replace("metadata: {name: checkout}\n", ""), "metadata: is required, with a name"),
        (HEAD.replace("checkout", "Check_out"), "metadata.name: 'Check_out': must be of a-z"),
        (HEAD.replace("checkout", "12"), "metadata.name: 12: must be"),
        (HEAD.replace("checkout", "x, namespace: A"), "metadata.namespace: 'A': must be of a-z"),
        (HEAD.replace("checkout", "x, labels: {a: 1}"), "metadata.labels.a: 1: must be text: put it in quotes"),
        (HEAD.replace("checkout", "x, labels: [a]"), "metadata.labels: must be a map"),
        ("a: 1\na: 2\n", "a.yaml:2: 'a' is given twice, first in line 1"),
        ("a: [\n", "is not YAML: "),
    ],
)
def test_what_is_wrong_with_a_document(check: Any, text: str, words: str) -> None:
    code, _, err = check(text)
    assert code == 2
    assert words in err


def test_a_name_that_is_used_twice_in_a_file(check: Any, command: Any) -> None:
    code, _, err = check(f"{command.scenario}---\n{command.scenario}")
    assert code == 2
    assert "a.yaml: TestScenario/checkout: metadata.name: is in the file twice: rename one" in err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    assert validate([str(tmp_path / "missing.yaml"), str(tmp_path / "latin.yaml"), str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "missing.yaml: cannot be read: No such file or directory" in err
    assert "latin.yaml: cannot be read: is not UTF-8 text" in err
    assert "cannot be read: Is a directory" in err


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Any, command: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(command.scenario.encode())))
    assert validate(["-"]) == 0
    assert capsys.readouterr().out == "<stdin>: TestScenario/checkout: valid\n"


def test_control_characters_of_a_file_do_not_reach_the_terminal(check: Any, command: Any) -> None:
    _, _, err = check(command.scenario.replace("kind: TestScenario", r'kind: "\x1b[2J\n::error::"'))
    assert "\x1b" not in err
    assert len(err.splitlines()) == 1
