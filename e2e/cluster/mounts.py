"""What is mounted, and taking away what is mounted below a folder of the cluster's."""

import re
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.command import run

TABLE = Path("/proc/self/mounts")


@dataclass(frozen=True)
class Mount:
    """One line of the mount table.

    Attributes:
        target: Where it is mounted.
        kind: The file system's type.
    """

    target: str
    kind: str


def parse(table: str) -> list[Mount]:
    """Reads the text of ``/proc/self/mounts``, in which blanks are octal escapes (fstab(5))."""
    rows = [line.split(" ") for line in table.splitlines()]
    return [Mount(target=_unescape(row[1]), kind=row[2]) for row in rows if len(row) >= 3]


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def below(mounts: list[Mount], folder: Path) -> list[str]:
    """Returns the mount points inside a folder, the last mounted first, as unmounting needs it."""
    return [mount.target for mount in reversed(mounts) if mount.target.startswith(f"{folder}/")]


def mounted() -> list[Mount]:
    """Returns the machine's mounts now."""
    return parse(TABLE.read_text())


def unmount_below(folder: Path) -> list[str]:
    """Unmounts everything inside a folder, and returns what is mounted there still."""
    targets = below(mounted(), folder)
    # Lazily: a process that is about to end may hold one open. In parts: an argument list is limited.
    for first in range(0, len(targets), 100):
        run(["umount", "--lazy", *targets[first : first + 100]])
    return below(mounted(), folder)
