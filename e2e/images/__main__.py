"""The command line: ``python3 -m e2e.images build [NAME...]`` and ``python3 -m e2e.images tags``."""

import argparse
import sys
from collections.abc import Sequence

from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.progress import Progress
from e2e.images import build, catalog

EXIT_FAILED = 3


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    top = argparse.ArgumentParser(prog="python3 -m e2e.images", description="The images of the demo and the tests.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, meaning in (("build", "build what has changed"), ("tags", "print their full names, for `load`")):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("names", nargs="*", metavar="NAME", help="seatrial or a sample service; all if omitted")
    return top


def main(argv: Sequence[str]) -> int:
    """Parses the arguments, runs the command, and shows failures as messages."""
    progress = Progress()
    arguments = parser().parse_args(argv)
    try:
        images = catalog.select(catalog.images(), arguments.names)
        if arguments.command == "build":
            build.build(images, Folders.of_user(), progress)
        else:
            print("\n".join(image.tag for image in images))
    except ClusterError as error:
        progress.say(f"error: {error}")
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
