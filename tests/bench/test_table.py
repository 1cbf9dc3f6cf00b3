import json
from pathlib import Path

import pytest

from e2e.bench import __main__ as bench
from e2e.bench import results, table
from e2e.bench.figure import Figure
from e2e.bench.machine import Machine

FIGURES = [
    Figure("start.idle.p99_ms", 12.5, "ms", 20, "lower", {"watch_floor": 0.41, "rounds": 200}),
    Figure("load.vs_k6", 5.2, "x", 6.0, "higher", {"k6": 6543.0, "seatrial": 34023.0}),
]


def test_a_terminal_gets_columns() -> None:
    assert table.text(FIGURES).splitlines() == [
        "name               value    target           beside",
        "start.idle.p99_ms  12.5 ms  ≤ 20 ms  ok      watch_floor 0.41, rounds 200",
        "load.vs_k6         5.2 x    ≥ 6 x    missed  k6 6,543, seatrial 34,023",
    ]


def test_the_documentation_gets_a_markdown_table() -> None:
    assert table.markdown(FIGURES).splitlines() == [
        "| name | value | target |  | beside |",
        "| --- | --- | --- | --- | --- |",
        "| `start.idle.p99_ms` | 12.5 ms | ≤ 20 ms | ok | watch_floor 0.41, rounds 200 |",
        "| `load.vs_k6` | 5.2 x | ≥ 6 x | missed | k6 6,543, seatrial 34,023 |",
    ]


def test_the_file_is_a_list_of_figures_in_the_documented_shape(tmp_path: Path) -> None:
    file = tmp_path / "build" / "bench.json"
    results.write(FIGURES, file)
    assert json.loads(file.read_text())[0] == {
        "name": "start.idle.p99_ms",
        "value": 12.5,
        "unit": "ms",
        "target": 20,
        "better": "lower",
        "beside": {"watch_floor": 0.41, "rounds": 200},
        "versions": {},
    }
    assert results.read(file) == FIGURES


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text('[{"name": "x"}]')
    with pytest.raises(ValueError, match="does not hold a list of figures"):
        results.read(file)


def test_a_busy_machine_is_warned_of() -> None:
    assert Machine(2, "Linux", "3.11", 0.4).warning == ""
    assert "0.60 already" in Machine(2, "Linux", "3.11", 0.6).warning


def test_markdown_is_printed_without_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    results.write(FIGURES, file)
    assert bench.main(["--markdown", str(file)]) == 0
    assert capsys.readouterr().out == table.markdown(FIGURES)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Parts that take no time: one has been measured and misses a target, one cannot be."""

    def broken(_rounds: int | None, _size: int | None) -> list[Figure]:
        raise RuntimeError("the chart is not installed")

    monkeypatch.setattr(bench, "PARTS", {"load": lambda _rounds, _size: FIGURES[1:], "start": broken})
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "bench.json")
    return tmp_path / "bench.json"


def test_a_missed_target_is_no_failure(parts: Path) -> None:
    assert bench.main(["load"]) == 0
    assert results.read(parts) == FIGURES[1:]


def test_what_cannot_be_measured_fails_and_loses_nothing_else(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main([]) == 1
    assert results.read(parts) == FIGURES[1:]
    said = capsys.readouterr()
    assert "error: start could not be measured: the chart is not installed" in said.err
    assert "load.vs_k6" in said.out


@pytest.mark.parametrize("arguments", [["nothing"], ["start", "--rounds", "0"], ["--rounds", "many"]])
def test_wrong_usage_says_what_is_right(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err
