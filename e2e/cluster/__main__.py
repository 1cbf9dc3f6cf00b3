"""The command line: ``python3 -m e2e.cluster up|down|status|exec|load|kubeconfig``."""

import argparse
import os
import sys
from collections.abc import Sequence

from e2e.cluster import backend
from e2e.cluster.backend import Backend, Choice, Kind, Machine
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.kind import KindCluster
from e2e.cluster.packages import ADMINISTRATOR_FOLDERS
from e2e.cluster.progress import Progress
from e2e.cluster.source import SourceCluster

EXIT_NOT_READY = 1
EXIT_FAILED = 3
OLDEST_PYTHON = (3, 11)


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--context",
        metavar="NAME",
        help=f"use this context of your kubeconfig instead of a cluster of its own (also ${backend.CONTEXT_VARIABLE})",
    )
    top = argparse.ArgumentParser(
        prog="python3 -m e2e.cluster",
        description="A Kubernetes for development and tests. Without --context it touches no cluster it did not make.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", parents=[shared], help="bring a cluster up; does nothing if it is")
    commands.add_parser("down", parents=[shared], help="take it away with all that belongs to it")
    commands.add_parser("status", parents=[shared], help="say how it is; exit code 0 only when ready")
    execute = commands.add_parser("exec", parents=[shared], help="run a command that can reach it")
    execute.add_argument("argv", nargs="+", metavar="CMD", help="the command, after --")
    load = commands.add_parser("load", parents=[shared], help="give it images of Docker's or buildah's local store")
    load.add_argument("images", nargs="+", metavar="IMAGE")
    commands.add_parser("kubeconfig", parents=[shared], help="print the path of its kubeconfig")
    return top


def connect(choice: Choice, folders: Folders, progress: Progress) -> Backend:
    """Returns the backend of a choice."""
    match choice.kind:
        case Kind.EXISTING:
            return ExistingCluster(choice.context or "", folders, progress)
        case Kind.KIND:
            return KindCluster(folders, progress)
        case Kind.SOURCE:
            return SourceCluster(folders, progress)


def run(arguments: argparse.Namespace, progress: Progress) -> int:
    """Runs one command and returns its exit code."""
    folders = Folders.of_user()
    context = backend.named_context(arguments.context)
    choice = backend.choose(context, Machine.observe(folders.backend_record))
    cluster = connect(choice, folders, progress)
    match arguments.command:
        case "up":
            progress.say(f"cluster: {choice.kind} ({choice.reason})")
            cluster.up()
        case "down":
            cluster.down()
        case "status":
            return 0 if cluster.status() else EXIT_NOT_READY
        case "exec":
            cluster.execute(arguments.argv)
        case "load":
            cluster.load(arguments.images)
        case "kubeconfig":
            print(cluster.kubeconfig())
    return 0


def main(argv: Sequence[str]) -> int:
    """Parses the arguments, runs the command, and shows failures as messages."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("e2e.cluster needs Python 3.11 or later\n")
        return EXIT_FAILED
    # Debian leaves the administrator's folders out of an ordinary user's PATH.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *ADMINISTRATOR_FOLDERS])
    progress = Progress()
    try:
        return run(parser().parse_args(argv), progress)
    except ClusterError as error:
        progress.say(f"error: {error}")
        return EXIT_FAILED
    except KeyboardInterrupt:
        progress.say("interrupted; the same command goes on from here")
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
