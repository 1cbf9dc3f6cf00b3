"""The sidecar hands over what is there, says what is not, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seatrial.api.parcel import (
    ARTIFACT_BYTES,
    FILES,
    TOTAL_BYTES,
    VARIABLE,
    File,
    Kind,
    Lack,
    Parcel,
    ParcelError,
    Wanted,
    lines,
    read,
    wanted_json,
)
from seatrial.collect.sidecar import await_ready, collected


def wanted(pattern: str = "junit.xml", kind: Kind = Kind.JUNIT, limit: int = TOTAL_BYTES, folder: int = 0) -> Wanted:
    return Wanted(kind, pattern, folder, pattern, limit)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "0").mkdir()
    return tmp_path


def test_files_of_a_pattern_come_in_order(root: Path) -> None:
    for name in ("b.xml", "a.xml", "c.txt"):
        (root / "0" / name).write_text(name)
    found = list(collected([wanted("*.xml")], root))
    assert [file.path for file in found if isinstance(file, File)] == ["a.xml", "b.xml"]


def test_what_is_missing_is_said(root: Path) -> None:
    assert (
        list(collected([wanted(), wanted(folder=7)], root))
        == [Lack(Kind.JUNIT, "junit.xml", "Missing", "there is no such file")] * 2
    )


def test_what_is_too_big_is_said_and_not_cut(root: Path) -> None:
    (root / "0/big").write_bytes(b"x" * (ARTIFACT_BYTES + 1))
    [lack] = collected([wanted("big", Kind.ARTIFACT, ARTIFACT_BYTES)], root)
    assert isinstance(lack, Lack)
    assert lack.problem == "TooBig"


def test_all_files_share_one_bound(root: Path) -> None:
    for number in range(5):
        (root / f"0/{number}").write_bytes(b"x" * ARTIFACT_BYTES)
    found = list(collected([wanted("*", Kind.ARTIFACT, ARTIFACT_BYTES)], root))
    assert [type(entry) for entry in found] == [File] * 4 + [Lack]
    for number in range(FILES + 1):
        (root / f"0/{number}").write_bytes(b"x")
    [lack] = collected([wanted("*", Kind.ARTIFACT)], root)
    assert isinstance(lack, Lack)


def test_nothing_leads_out_of_the_folder(root: Path) -> None:
    secret = root / "secret"
    secret.write_text("s3cret")
    (root / "0/link.xml").symlink_to(secret)
    os.mkfifo(root / "0/pipe.xml")
    (root / "0/folder.xml").mkdir()
    found = list(collected([wanted("*.xml")], root))
    assert [type(entry) for entry in found] == [Lack] * 3
    assert "s3cret" not in str(found)


def test_what_is_written_can_be_read(root: Path) -> None:
    files = (
        File(Kind.JUNIT, "*.xml", "a.xml", bytes(range(256)) * 100),
        File(Kind.ARTIFACT, "empty", "empty", b""),
    )
    lack = Lack(Kind.ARTIFACT, "video", "Missing", "there is no such file")
    text = list(lines([*files, lack]))
    assert max(map(len, text)) < 16_000
    assert read(["a line of somebody else", "[1]", *text]) == Parcel(files, (lack,))


@pytest.mark.parametrize("gone", [0, 1, 2, -1])
def test_a_line_that_is_missing_is_noticed(gone: int) -> None:
    text = list(lines([File(Kind.JUNIT, "a", "a", b"x" * 10_000)]))
    del text[gone]
    with pytest.raises(ParcelError):
        read(text)


def test_a_line_that_was_changed_is_noticed() -> None:
    text = list(lines([File(Kind.JUNIT, "a", "a", b"good")]))
    entry = json.loads(text[1])
    text[1] = json.dumps(entry | {"data": "YmFk"})
    with pytest.raises(ParcelError, match="checksum"):
        read(text)


def test_the_real_process_waits_for_its_signal_and_prints(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "0/junit.xml").write_text("early")
    program = (
        "import sys; from pathlib import Path; from seatrial.collect import sidecar; "
        f"sidecar.MOUNT = {str(root)!r}; sys.exit(sidecar.main())"
    )
    environment = os.environ | {VARIABLE: wanted_json([wanted()]), "TMPDIR": str(root)}
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert await_ready() == 0
        (root / "0/junit.xml").write_text("late")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    [file] = read(out.splitlines()).files
    assert file.content == b"late"


def test_waiting_for_a_sidecar_that_does_not_come_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert await_ready(0.05) == 1
