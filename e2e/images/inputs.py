"""What an image is made from, as a digest: the same digest, the same image.

The files are those that the Dockerfile copies, and not the whole context: a change elsewhere in the
repository rebuilds nothing.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

IGNORED_FOLDERS = {"__pycache__", ".git"}


def instructions(dockerfile: str) -> list[list[str]]:
    """Returns a Dockerfile's instructions as words, with continued lines joined and comments left out."""
    kept = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\s*\n", " ", "\n".join(kept))
    return [line.split() for line in joined.splitlines() if line.strip()]


def copied(dockerfile: str) -> list[str]:
    """Returns the sources that the Dockerfile copies out of its context; those of other stages are none."""
    sources: list[str] = []
    for words in instructions(dockerfile):
        if words[0].upper() in ("COPY", "ADD") and not any(word.startswith("--from=") for word in words):
            operands = [word for word in words[1:] if not word.startswith("--")]
            sources += operands[:-1]
    return sources


def declared_arguments(dockerfile: str) -> set[str]:
    """Returns the names of the Dockerfile's build arguments."""
    return {words[1].partition("=")[0] for words in instructions(dockerfile) if words[0].upper() == "ARG"}


def files(context: Path, sources: Iterable[str]) -> list[Path]:
    """Returns every file that the sources, which may be folders or patterns, stand for."""
    found: set[Path] = set()
    for source in sources:
        for path in context.glob(source.removeprefix("./").rstrip("/") or "*"):
            found |= set(_below(path)) if path.is_dir() else {path}
    return sorted(found)


def digest(context: Path, dockerfile: str, settings: Mapping[str, str]) -> str:
    """Returns a digest of the Dockerfile, the files it copies and the settings of the build.

    Args:
        context: The build's folder.
        dockerfile: The recipe's text.
        settings: What else decides what comes out: the builder and the base image's id.
    """
    total = hashlib.sha256()
    for text in (dockerfile, *(f"{name}={value}" for name, value in sorted(settings.items()))):
        total.update(hashlib.sha256(text.encode()).digest())
    for path in files(context, copied(dockerfile)):
        executable = bool(path.stat().st_mode & 0o111)
        total.update(f"{path.relative_to(context)} {executable}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _below(folder: Path) -> Iterable[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in IGNORED_FOLDERS]
        yield from (Path(root) / name for name in names)
