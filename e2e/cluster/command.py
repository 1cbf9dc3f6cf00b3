"""Running other programs: argument lists, a timeout on each call, errors that show what was said."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from e2e.cluster.failure import ClusterError


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float = 60.0,
    cwd: Path | None = None,
    extra_env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Runs a program to its end and returns its standard output.

    Args:
        argv: Program and arguments; no shell is involved.
        timeout: Seconds after which the program is killed.
        cwd: Working folder; the caller's where omitted.
        extra_env: Added to the caller's environment.
        stdin: Text for its standard input; empty where omitted.

    Raises:
        ClusterError: The program is missing, took too long or ended with another code than 0.
    """
    line = shlex.join(str(word) for word in argv)
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            env={**os.environ, **(extra_env or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"cannot run `{line}`: {error}", f"install {argv[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            f"`{line}` did not end within {timeout:.0f} s", "run it by hand to see what it waits for"
        ) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing")[-2000:]
        raise ClusterError(f"`{line}` ended with {done.returncode} and said: {said}", "see what it says above")
    return done.stdout


def become(argv: Sequence[str], variables: Mapping[str, str] | None = None) -> NoReturn:
    """Replaces this process by a program, so that signals and the exit code are the program's own.

    Raises:
        ClusterError: There is no such program.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(argv[0], list(argv), {**os.environ, **(variables or {})})  # noqa: S606 - no shell is the point
    except FileNotFoundError as error:
        raise ClusterError(f"there is no program {argv[0]}", "check its spelling and the PATH") from error


def succeeds(argv: Sequence[str | Path], *, timeout: float = 20.0) -> bool:
    """Says whether a program exists, ends in time and ends with 0; what it prints is dropped."""
    try:
        done = subprocess.run(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
