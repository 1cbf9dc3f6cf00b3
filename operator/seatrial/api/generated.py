"""Files that are generated from the models: written, or checked for drift."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

#: Text of each file, by its path below the repository's root.
Files = Mapping[PurePosixPath, str]


def run(arguments: Sequence[str], *, module: str, files: Files) -> int:
    """Is the command line of a generating module: writes its files, or names those that are stale.

    Args:
        arguments: ``[--check] [DIR]``, where DIR is the repository's root; the working folder where omitted.
        module: What the user runs with ``python -m``.
        files: What the module generates.

    Returns:
        The exit code: 1 where ``--check`` found a stale or missing file.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Writes {', '.join(map(str, files))}.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    parser.add_argument("root", metavar="DIR", nargs="?", type=Path, default=Path(), help="the repository's root")
    options = parser.parse_args(arguments)
    if not options.check:
        write(files, options.root)
        return 0
    old = stale(files, options.root)
    for path in old:
        print(f"{path} is not what the models say: run `python -m {module}`", file=sys.stderr)
    return 1 if old else 0


def write(files: Files, root: Path) -> None:
    """Writes the files and the folders they are in."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def stale(files: Files, root: Path) -> list[PurePosixPath]:
    """Names the files that are missing or hold something else."""
    return [path for path, text in files.items() if not _holds(root / path, text)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
