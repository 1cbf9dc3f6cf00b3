"""The manifests in examples/ are valid, without a cluster to say so."""

from pathlib import Path

import pytest

from seatrial.__main__ import main
from tests.docs.pages import ROOT, title

#: Of the others, such as what a load test is aimed at, Seatrial knows nothing.
OURS = "apiVersion: seatrial.dev/"
MANIFESTS = sorted(file for file in ROOT.glob("examples/**/*.yaml") if OURS in file.read_text())


@pytest.mark.parametrize("manifest", MANIFESTS, ids=title)
def test_an_example_is_valid(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(manifest)]) == 0, capsys.readouterr()
