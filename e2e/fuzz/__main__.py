"""The command line: ``python -m e2e.fuzz [--count N] [--seed SEED] [--runs N]``."""

import argparse
import json
import sys
import time
from collections.abc import Sequence

import uvloop

from e2e.bench.api import connect, own_namespace
from e2e.bench.crowd import for_each
from e2e.bench.watching import watching
from e2e.fuzz.course import Course, Found
from e2e.outside import NAMESPACE, kubectl
from seatrial.kube.resources import LOAD_TESTS, TEST_SCENARIOS

_SELECTOR = ("--namespace", NAMESPACE, "--selector", "app.kubernetes.io/name=seatrial")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m e2e.fuzz",
        description="Sends random specs to the cluster on which Seatrial is installed. Each must be refused with a "
        "message for people, be Stalled with field and remedy, or run to a verdict.",
    )
    top.add_argument("--count", type=int, default=10_000, metavar="N", help="how many specs")
    top.add_argument("--seed", default="1", help="the same seed makes the same specs")
    top.add_argument("--runs", type=int, default=50, metavar="N", help="how many that are right may really run")
    top.add_argument("--width", type=int, default=16, metavar="N", help="how many at a time")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Sends the specs and prints what became of them.

    Returns:
        0 if each came to an end that a person understands, and the operator neither crashed nor logged a bug; else 1.
    """
    options = parser().parse_args(argv)
    began = time.monotonic()
    found = uvloop.run(fuzz(options.count, options.seed, options.runs, options.width))
    print(f"{options.count} specs of seed {options.seed} in {time.monotonic() - began:.0f} s")
    for end, number in sorted(found.ends.items(), key=lambda entry: -entry[1]):
        print(f"{number:7,}  {end}")
    for wrong in found.wrong:
        print(f"wrong: {wrong}")
    return int(bool(found.wrong))


async def fuzz(count: int, seed: str, runs: int, width: int = 16) -> Found:
    """Sends random specs, some at a time.

    Args:
        count: How many.
        seed: Where their randomness comes from; the number of the spec is added to it.
        runs: How many that are right may really run.
        width: How many at a time.
    """
    before = await _operator()
    since = time.time()
    async with (
        connect() as api,
        own_namespace(api) as namespace,
        watching(api, TEST_SCENARIOS, LOAD_TESTS) as watch,
    ):
        course = Course(api, watch, namespace, runs)
        await for_each((f"{seed}/{number}" for number in range(count)), course.follow, width)
    after = await _operator()
    if after != before:
        course.found.wrong.append(f"the operator was {before} and is {after}: it has crashed")
    course.found.wrong += await _bugs(time.time() - since)
    return course.found


async def _operator() -> list[tuple[str, int]]:
    """Names the operator's pods, and how often each was started again."""
    found = json.loads(await kubectl("get", "pods", *_SELECTOR, "--output", "json"))
    return [
        (pod["metadata"]["name"], sum(status["restartCount"] for status in pod["status"]["containerStatuses"]))
        for pod in found["items"]
    ]


async def _bugs(seconds: float) -> list[str]:
    """Lines of the operator's log, from these seconds, that tell of a bug."""
    log = await kubectl("logs", *_SELECTOR, "--tail=-1", f"--since={int(seconds) + 1}s")
    said = []
    for line in log.splitlines():
        try:
            severity = json.loads(line).get("severity")
        except ValueError:
            severity = "no JSON"
        if severity in {"error", "fatal", "no JSON"} or "Traceback" in line:
            said.append(f"logged: {line[:2000]}")
    return said


if __name__ == "__main__":
    sys.exit(main())
