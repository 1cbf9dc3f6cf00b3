"""Notes in the cache about what was built from what."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Built:
    """What is known of the last build of an image.

    Attributes:
        digest: Of its inputs.
        identity: The image's id, as the builder gives it.
    """

    digest: str
    identity: str


def read(note: Path) -> Built | None:
    """Reads a note; one that a killed run left half-written counts as none."""
    try:
        document = json.loads(note.read_text())
        return Built(digest=document["digest"], identity=document["identity"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def write(note: Path, built: Built) -> None:
    """Writes a note."""
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(asdict(built)))
