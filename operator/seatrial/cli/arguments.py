"""The command line: subcommands, options and their help. It imports next to nothing, for the load worker's sake."""

import argparse

from seatrial import __version__

_EXIT_CODES = """\
exit codes:
  0  Passed        the system under test did what was asked of it
  1  Failed        it did not
  2  invalid       the manifest or the command line has mistakes
  3  Error         it could not be tested, or the cluster could not be reached
  4  Inconclusive  the measurement cannot be trusted
  5  TimedOut      the run took too long, or --timeout passed
  6  Cancelled     the run was cancelled, replaced or deleted
  Of several trials the worst counts: Failed, invalid, Error, TimedOut, Inconclusive, Cancelled.
  After Ctrl-C it is 130, after SIGTERM 143.
"""

_RUN = """\
Applies the trials in FILE, follows each to its end, prints what came of it and exits by verdict.

FILE holds one or more TestScenario and LoadTest documents, which run one after another. They are checked as by
`seatrial validate` before anything is applied, and applied on the server's side (field manager: seatrial-run).
Every call makes a run: where FILE changes nothing and the last run has ended, spec.run is set to a new token,
which starts another. A run of the very same spec that is still going on is followed instead.

On a terminal the progress is live; elsewhere, or with CI=true, it is one line for each change.
Ctrl-C stops following and leaves the trial running, unless --rm was given.
"""

_VALIDATE = """\
Checks manifests without a cluster, as the operator would before a run: fields, names, graphs, expressions.
Each mistake is printed with its place, its value and what to do about it. Documents of other kinds are named and
left unchecked. Exits with 0 if all is well, else with 2.
"""

_REPORT = """\
Prints the report that the operator has written of a run: the verdict, every step, test cases, ends of logs, artifacts,
and the record of who asked for it and what was made and deleted. Its sha256 is compared with the one in status.
Exits with 0 if there is a report, whatever its verdict.
"""


def parser() -> argparse.ArgumentParser:
    """Builds the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="seatrial",
        description="Gives a set of services their sea trial: environment, data, checks and load from one resource.",
    )
    top.add_argument("--version", action="version", version=f"seatrial {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_validate(commands)
    _add_report(commands)
    commands.add_parser("operator", help="run the operator (in a cluster)", description="Runs the operator.")
    commands.add_parser(
        "worker", help="run a load worker (in a pod)", description="Runs a load worker; the operator starts these."
    )
    collect = commands.add_parser(
        "collect",
        help="hand over the files of a Job (in a pod)",
        description="Waits for SIGTERM and prints the files that SEATRIAL_COLLECT asks for; the operator starts these.",
    )
    collect.add_argument("--await-ready", action="store_true", help="only wait until the other one can be told to end")
    return top


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser(
        "report",
        help="print the report of a run",
        description=_REPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument("name", metavar="NAME", help="the resource; tscn/NAME or ldt/NAME where both kinds have one")
    report.add_argument("-n", "--namespace", metavar="NAME", help="its namespace (default: that of the context)")
    report.add_argument("--run", metavar="RUN", help="an earlier run of status.history (default: the last one)")
    report.add_argument(
        "--format",
        choices=("text", "json", "junit", "html"),
        default="text",
        help="junit is XML for CI systems; html is one page that needs nothing else (default: text)",
    )
    report.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
    report.add_argument("--artifacts", metavar="DIR", help="also write the artifacts of Jobs to DIR/STEP/NAME")
    report.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")
    report.add_argument("--kubeconfig", metavar="PATH", help="kubeconfig (default: $KUBECONFIG, then ~/.kube/config)")


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        help="run the trials in a manifest and exit by verdict",
        description=_RUN,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("file", metavar="FILE", help="manifest in YAML or JSON; - reads standard input")
    run.add_argument(
        "-n",
        "--namespace",
        metavar="NAME",
        help="namespace of documents that name none (default: that of the context)",
    )
    run.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")
    run.add_argument("--kubeconfig", metavar="PATH", help="kubeconfig (default: $KUBECONFIG, then ~/.kube/config)")
    run.add_argument(
        "--timeout",
        type=_seconds,
        metavar="DURATION",
        help="stop waiting after this time, for example 90s or 1h30m; the trial itself goes on (default: never)",
    )
    run.add_argument("--junit", metavar="FILE", help="write the report of all trials to FILE as JUnit XML")
    run.add_argument(
        "--report",
        metavar="FILE",
        help="write it to FILE as its ending says: .html, .json, .xml (JUnit), any other as text",
    )
    run.add_argument("--rm", action="store_true", help="delete the resource afterwards, also after Ctrl-C or --timeout")
    run.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default="text",
        help="json: print verdicts and final statuses on standard output, and progress on standard error",
    )


def _add_validate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    validate = commands.add_parser(
        "validate",
        help="check manifests without a cluster",
        description=_VALIDATE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    validate.add_argument("files", metavar="FILE", nargs="+", help="manifest in YAML or JSON; - reads standard input")


def _seconds(text: str) -> float:
    from seatrial.api import duration

    try:
        seconds = duration.parse(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be more than 0s")
    return seconds
