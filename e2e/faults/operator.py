"""The operator as a process of its own, whose k-th write goes wrong: ``python -m e2e.faults.operator KIND K``."""

import argparse
import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import seatrial.kube.connect
from e2e.faults.layer import Faults, FaultyClient, Kind
from e2e.faults.watches import cut_watches, know_watches
from seatrial.handlers.process import run_operator

#: What a shell reports of a process that was killed.
KILLED = 137


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m e2e.faults.operator", description=__doc__)
    top.add_argument("kind", type=Kind, choices=list(Kind), help="what goes wrong")
    top.add_argument("at", type=int, metavar="K", help="at which write, counted from 1; 0 for none")
    top.add_argument("--journal", type=Path, required=True, metavar="FILE", help="gets a line for each write")
    return top


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the operator, with its settings from the environment as always."""
    options = parser().parse_args(argv)
    journal = os.open(options.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(number: int, what: str) -> None:
        os.write(journal, f"{number} {what}\n".encode())

    faults = Faults(options.kind, options.at, lambda: os._exit(KILLED), cut_watches, note)
    know_watches()
    seatrial.kube.connect.Client = functools.partial(FaultyClient, faults=faults)  # type: ignore[attr-defined, assignment] # the one place where clients are made
    run_operator()


if __name__ == "__main__":
    main(sys.argv[1:])
