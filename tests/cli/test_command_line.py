"""The command line: what it accepts, what it says, and what it does not load."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial import __version__
from seatrial.__main__ import main
from seatrial.cli import arguments
from seatrial.cli.exits import BY_VERDICT, Exit, worst


def test_the_version(capsys: Any) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"seatrial {__version__}\n"


@pytest.mark.parametrize(
    "argv", [[], ["walk"], ["validate"], ["run"], ["run", "a", "--timeout", "5"], ["run", "a", "--timeout", "0s"]]
)
def test_a_wrong_command_line_exits_with_2(argv: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == Exit.INVALID
    assert "usage: seatrial" in capsys.readouterr().err


def test_the_help_of_run_explains_every_exit_code(capsys: Any) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])
    out = capsys.readouterr().out
    for verdict, code in BY_VERDICT.items():
        assert f"  {int(code)}  {verdict}" in out


def test_options_of_run() -> None:
    options = arguments.parser().parse_args(["run", "a.yaml", "-n", "shop", "--timeout", "1m30s", "--rm", "-o", "json"])
    assert (options.file, options.namespace, options.timeout, options.rm) == ("a.yaml", "shop", 90, True)
    assert options.output == "json"


def test_validate_and_run_are_reached(tmp_path: Path, command: Any, capsys: Any) -> None:
    assert main(["validate", command.file()]) == Exit.PASSED
    assert main(["run", str(tmp_path / "missing.yaml")]) == Exit.INVALID
    assert "cannot be read" in capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_an_error(command: Any, tmp_path: Path, capsys: Any) -> None:
    assert main(["run", command.file(), "--kubeconfig", str(tmp_path / "none")]) == Exit.ERROR
    assert "cannot tell which cluster to use" in capsys.readouterr().err


def test_a_worker_loads_no_kopf_no_client_and_no_terminal() -> None:
    program = (
        "import sys; from seatrial.__main__ import main; code = main(['worker'])\n"
        "print(code, sorted({'kopf', 'kubernetes', 'rich', 'yaml', 'cel_expr_python'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={}, timeout=60
    )
    assert ran.stdout == "2 []\n"


def test_output_that_nobody_reads_any_more_is_no_traceback(command: Any) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "seatrial", "validate", *[command.file()] * 200],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_failed_is_the_worst_of_several_verdicts() -> None:
    assert worst([Exit.PASSED, Exit.PASSED]) is Exit.PASSED
    assert worst([Exit.ERROR, Exit.FAILED, Exit.INVALID]) is Exit.FAILED
    assert worst([Exit.CANCELLED, Exit.PASSED, Exit.INCONCLUSIVE]) is Exit.INCONCLUSIVE
