"""The command line: ``python -m e2e.crash [--from K] [--to K] [--kind KIND]``."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from e2e.crash import table
from e2e.crash.trial import on_course
from e2e.faults.layer import Kind

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "crash.md"


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m e2e.crash", description="Kills the operator after each of its writes."
    )
    top.add_argument("--from", type=int, default=1, dest="first", metavar="K", help="begin there; earlier rows stay")
    top.add_argument("--to", type=int, default=1000, dest="last", metavar="K", help="end there")
    top.add_argument("--seconds", type=float, default=7200, metavar="S", help="begin no trial after so long")
    top.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.KILL, help="what goes wrong instead")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Makes the trials. Kills are written to docs/benchmarks/crash.md, other faults only printed.

    Returns:
        0 if no trial deviates, else 1.
    """
    options = parser().parse_args(argv)
    kept = table.read(PAGE)[1 : options.first] if options.kind is Kind.KILL else []
    return uvloop.run(_run(options, kept))


async def _run(options: argparse.Namespace, kept: list[tuple[str, ...]]) -> int:
    ends = time.monotonic() + options.seconds
    kind: Kind = options.kind
    async with on_course() as course:
        plain = await course.trial(kind, 0)
        rows = [table.row(plain, plain), *kept]
        print(*rows[0], sep=" | ", flush=True)
        if plain.verdict != "Passed (AllStepsSucceeded)":
            print(f"error: without a fault the verdict is {plain.verdict}", file=sys.stderr)
            return 1
        for at in range(options.first, options.last + 1):
            if time.monotonic() > ends:
                print(f"stopped: go on with --from {at}", flush=True)
                break
            found = await course.trial(kind, at)
            if not found.wrote:
                break
            rows.append(table.row(found, plain))
            print(*rows[-1], sep=" | ", flush=True)
            if kind is Kind.KILL:
                PAGE.write_text(table.page(rows), encoding="utf-8")
    return int(any(cells[-1] != "0" for cells in rows))


if __name__ == "__main__":
    sys.exit(main())
