"""What a Job's collecting sidecar is asked for, and the lines in which it hands over what it found.

Standard library only: the sidecar must be ready before the Job's container may start.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

#: Name of the sidecar's container, by which it is found in a pod.
CONTAINER = "seatrial-collect"
#: Environment variable that says what to collect.
VARIABLE = "SEATRIAL_COLLECT"
#: Where the sidecar sees the folders, by their number.
MOUNT = "/collect"
#: Most bytes of one artifact, and of all that one Job hands over.
ARTIFACT_BYTES = 256 * 1024
TOTAL_BYTES = 1024 * 1024
#: Most files that one pattern may name.
FILES = 50

_VERSION = 1
#: Raw bytes of a line: encoded, it stays below the 16 KiB at which container runtimes cut lines.
_CHUNK = 6 * 1024


class ParcelError(ValueError):
    """What was read is not all that the sidecar had to say."""


class Kind(StrEnum):
    """What a file is for."""

    JUNIT = "junit"
    ARTIFACT = "artifact"


@dataclass(frozen=True)
class Wanted:
    """A file that is asked for.

    Attributes:
        kind: What it is for.
        name: Name of the artifact; of JUnit files the pattern.
        folder: Number of the folder that it is in.
        pattern: Its name there, or a pattern with ``*`` and ``?``.
        limit: Most bytes of it.
    """

    kind: Kind
    name: str
    folder: int
    pattern: str
    limit: int


@dataclass(frozen=True)
class File:
    """A file that was found.

    Attributes:
        kind: What it is for.
        name: Name that was asked for.
        path: Its own name.
        content: What it holds.
    """

    kind: Kind
    name: str
    path: str
    content: bytes


@dataclass(frozen=True)
class Lack:
    """A file that was not handed over.

    Attributes:
        kind: What it is for.
        name: Name that was asked for.
        problem: Missing, TooBig or Unreadable.
        detail: More about it, for a person.
    """

    kind: Kind
    name: str
    problem: str
    detail: str


@dataclass(frozen=True)
class Parcel:
    """All that a sidecar handed over."""

    files: tuple[File, ...] = ()
    lacks: tuple[Lack, ...] = ()


def wanted_json(wanted: Sequence[Wanted]) -> str:
    """Writes what is asked for."""
    return json.dumps([asdict(one) for one in wanted], separators=(",", ":"))


def read_wanted(text: str) -> list[Wanted]:
    """Reads what :func:`wanted_json` wrote."""
    return [Wanted(**{**one, "kind": Kind(one["kind"])}) for one in json.loads(text)]


def lines(entries: Iterable[File | Lack]) -> Iterator[str]:
    """Writes files as lines of JSON, the last of which says that it is the last one."""
    whole, count = hashlib.sha256(), 0
    for entry in entries:
        count += 1
        if isinstance(entry, Lack):
            yield _line("lack", kind=entry.kind, name=entry.name, problem=entry.problem, detail=entry.detail)
            continue
        digest = hashlib.sha256(entry.content).hexdigest()
        whole.update(digest.encode())
        yield _line("file", kind=entry.kind, name=entry.name, path=entry.path, size=len(entry.content), sha256=digest)
        for start in range(0, len(entry.content), _CHUNK):
            yield _line("data", data=base64.b64encode(entry.content[start : start + _CHUNK]).decode())
    yield _line("end", entries=count, sha256=whole.hexdigest())


def _line(what: str, **fields: object) -> str:
    return json.dumps({"v": _VERSION, "line": what, **fields}, separators=(",", ":"))


def read(text: Iterable[str]) -> Parcel:
    """Reads lines. What is not a line of ours is passed over; the checksums tell whether all is there.

    Raises:
        ParcelError: The last line is missing, or something in between.
    """
    files: list[tuple[dict[str, str], list[bytes]]] = []
    lacks: list[Lack] = []
    for line in text:
        entry = _parsed(line)
        match entry.get("line"):
            case "file":
                files.append((entry, []))
            case "data" if files:
                files[-1][1].append(base64.b64decode(str(entry.get("data"))))
            case "lack":
                lacks.append(Lack(Kind(entry["kind"]), entry["name"], entry["problem"], entry["detail"]))
            case "end":
                return _checked(entry, files, tuple(lacks))
    raise ParcelError("its output ended before its last line")


def _parsed(line: str) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and entry.get("v") == _VERSION else {}


def _checked(end: dict[str, str], files: list[tuple[dict[str, str], list[bytes]]], lacks: tuple[Lack, ...]) -> Parcel:
    whole, found = hashlib.sha256(), []
    for entry, chunks in files:
        content = b"".join(chunks)
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise ParcelError(f"the checksum of {entry['path']} is wrong")
        whole.update(entry["sha256"].encode())
        found.append(File(Kind(entry["kind"]), entry["name"], entry["path"], content))
    if whole.hexdigest() != end["sha256"] or int(end["entries"]) != len(files) + len(lacks):
        raise ParcelError("lines are missing from its output")
    return Parcel(tuple(found), lacks)
