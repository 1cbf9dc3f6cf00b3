"""The command line: ``python -m e2e.bench [PART] [--rounds N] [--size N] [--page FILE]``, and ``--markdown FILE``."""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from e2e.bench import busy, idle, page, references, results, start, steps, table, throughput, writes
from e2e.bench.figure import Figure
from e2e.bench.load import checked, memory, merge, paced, plain, stall
from e2e.bench.load.trial import ROUNDS
from e2e.bench.machine import Machine
from seatrial.kube.errors import KubeError

RESULTS = Path(__file__).parents[2] / "build" / "bench.json"

#: Each part, measured in so many rounds of such a size. Load comes last, because it leaves the machine hot.
PARTS: dict[str, Callable[[int | None, int | None], list[Figure]]] = {
    "start": lambda rounds, _size: start.measure(rounds or start.ROUNDS),
    "writes": lambda rounds, _size: writes.measure(rounds or writes.ROUNDS),
    "references": lambda rounds, _size: references.measure(rounds or references.ROUNDS),
    "steps": lambda rounds, size: steps.measure(rounds or steps.ROUNDS, size or steps.STEPS),
    "throughput": lambda _rounds, size: throughput.measure(size or throughput.RUNS),
    "busy": lambda rounds, size: busy.measure(rounds or busy.ROUNDS, size or busy.RUNS),
    "idle": lambda _rounds, size: idle.measure(size or idle.RESOURCES),
    "load.plain": lambda rounds, _size: plain.measure(rounds or ROUNDS),
    "load.checks": lambda rounds, _size: checked.measure(rounds or ROUNDS),
    "load.open": lambda rounds, _size: paced.measure(rounds or ROUNDS),
    "load.stall": lambda rounds, _size: stall.measure(rounds or ROUNDS),
    "load.merge": lambda rounds, _size: merge.measure(rounds or ROUNDS),
    "load.memory": lambda rounds, _size: memory.measure(rounds or ROUNDS),
}
#: Names that stand for several parts: what is before the point.
GROUPS = {name.partition(".")[0] for name in PARTS}


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m e2e.bench",
        description="Measures Seatrial, beside its peers and its floors, on the cluster that it is installed on.",
    )
    top.add_argument("part", nargs="?", choices=sorted({*PARTS, *GROUPS}), help="measure only this; all if omitted")
    top.add_argument("--rounds", type=_positive, metavar="N", help="rounds of each part, for a quick look")
    top.add_argument(
        "--size",
        type=_positive,
        metavar="N",
        help="steps of a run (steps), short scenarios (throughput), active runs (busy), resources (idle)",
    )
    top.add_argument("--page", type=Path, metavar="FILE", help="write the table into this page as well")
    top.add_argument("--markdown", type=Path, metavar="FILE", help="measure nothing; print this file as a table")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints a table and writes build/bench.json.

    Returns:
        0 if everything could be measured, whether targets are met or not; else 1.
    """
    options = parser().parse_args(argv)
    if options.markdown:
        print(table.markdown(results.read(options.markdown)), end="")
        return 0
    machine = Machine.observe()
    print(machine)
    if machine.warning:
        print(f"warning: {machine.warning}")
    wanted = [name for name in PARTS if options.part in (None, name, name.partition(".")[0])]
    figures, failed = _measure(wanted, options.rounds, options.size)
    results.write(figures, RESULTS)
    print(f"\n{table.text(figures)}\nwritten to build/{RESULTS.name}")
    if options.page and not failed:
        page.write(options.page, figures, machine, options.part)
        print(f"and to {options.page}")
    for part, reason in failed.items():
        print(f"error: {part} could not be measured: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _measure(parts: Sequence[str], rounds: int | None, size: int | None) -> tuple[list[Figure], dict[str, str]]:
    """Measures parts. Returns the figures, and why there are none of a part."""
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    for part in parts:
        print(f"measuring {part} …", flush=True)
        try:
            figures += PARTS[part](rounds, size)
        except Exception as error:  # noqa: BLE001 - one part that fails must not lose what the others have measured
            if not isinstance(error, RuntimeError | KubeError):
                traceback.print_exc()
            failed[part] = str(error) or type(error).__name__
    return figures, failed


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a number of rounds: give 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
