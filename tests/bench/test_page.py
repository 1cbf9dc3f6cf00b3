from pathlib import Path

import pytest

from e2e.bench import page
from e2e.bench.figure import Figure
from e2e.bench.machine import Machine

MACHINE = Machine(2, "Linux", "3.11", 0.1)


def test_figures_are_written_between_the_marks_of_a_page(tmp_path: Path) -> None:
    file = tmp_path / "load.md"
    file.write_text("# Load\n\n<!-- measured -->\n\nNot yet.\n\n<!-- /measured -->\n\nThe end.\n", encoding="utf-8")
    for value in (5.0, 7.0):
        figures = [Figure("load.vs_k6", value, "x", 6, "higher", {"k6": 1000.0}, {"k6": "k6 v1", "nginx": "nginx/2"})]
        page.write(file, figures, MACHINE, "load")
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Load\n\n<!-- measured -->\n\n`make bench ONLY=load")
    assert text.endswith("Versions: k6 (k6 v1), nginx (nginx/2).\n\n<!-- /measured -->\n\nThe end.\n")
    assert "| `load.vs_k6` | 7 x | ≥ 6 x | ok | k6 1,000 |" in text
    assert "missed" not in text


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "load.md"
    file.write_text("# Load\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no <!-- measured -->"):
        page.write(file, [], MACHINE, None)
