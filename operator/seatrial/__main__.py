"""The command ``seatrial``, and how every process of Seatrial starts.

Each subcommand imports what it needs only once it has been chosen: a load worker starts in a fraction of a second,
and knows neither kopf nor a Kubernetes client.
"""

import argparse
import io
import sys
from collections.abc import Sequence

from seatrial.cli import arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand.

    Args:
        argv: The arguments; those of the process where omitted.

    Returns:
        The exit code (see :mod:`seatrial.cli.exits`).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A message may hold any character; a log in Latin-1 must not turn a verdict into a traceback.
            stream.reconfigure(errors="replace")
    options = arguments.parser().parse_args(argv)
    try:
        return _run(options)
    except BrokenPipeError:
        # `seatrial validate … | head` closed the pipe; there is nobody left to tell.
        sys.stderr.close()
        return 1


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "operator":
            from seatrial.handlers.process import run_operator

            run_operator()
            return 0
        case "worker":
            from seatrial.load.worker import main as work

            return work()
        case "collect":
            from seatrial.collect.sidecar import await_ready
            from seatrial.collect.sidecar import main as collect

            return await_ready() if options.await_ready else collect()
        case "report":
            from seatrial.cli.report import ReportOptions, report

            return report(
                ReportOptions(
                    name=options.name,
                    namespace=options.namespace,
                    run=options.run,
                    form=options.format,
                    output=options.output,
                    artifacts=options.artifacts,
                    context=options.context,
                    kubeconfig=options.kubeconfig,
                )
            )
        case "validate":
            from seatrial.cli.validate import validate

            return validate(options.files)
        case _:
            from seatrial.cli.run import RunOptions, run

            return run(
                RunOptions(
                    file=options.file,
                    namespace=options.namespace,
                    context=options.context,
                    kubeconfig=options.kubeconfig,
                    timeout=options.timeout,
                    remove=options.rm,
                    json=options.output == "json",
                    junit=options.junit,
                    report=options.report,
                )
            )


if __name__ == "__main__":
    sys.exit(main())
