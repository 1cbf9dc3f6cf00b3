"""Which cluster is used: one the caller names, kind where Docker runs, else one built from source."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, Protocol

from e2e.cluster.command import succeeds

CONTEXT_VARIABLE = "SEATRIAL_CONTEXT"


class Backend(Protocol):
    """What each kind of cluster can do; the command line is a thin layer over this."""

    def up(self) -> None:
        """Brings the cluster up, or recognises that it is."""

    def down(self) -> None:
        """Takes the cluster away with all that belongs to it."""

    def status(self) -> bool:
        """Prints how the cluster is, and says whether it can be used."""

    def load(self, names: Sequence[str]) -> None:
        """Gives images of the local builder to the cluster's nodes."""

    def kubeconfig(self) -> Path:
        """Returns the path of a kubeconfig whose current context is the cluster."""

    def execute(self, argv: Sequence[str]) -> NoReturn:
        """Replaces this process by a command that can reach the cluster."""


class Kind(StrEnum):
    """The kinds of clusters, under the names that the state folder keeps."""

    EXISTING = "existing"
    KIND = "kind"
    SOURCE = "source"


@dataclass(frozen=True)
class Choice:
    """A kind of cluster and the reason for it.

    Attributes:
        kind: Which.
        reason: For the user, in words.
        context: The name the caller gave; set for an existing cluster only.
    """

    kind: Kind
    reason: str
    context: str | None = None


@dataclass(frozen=True)
class Machine:
    """What decides where no context is named.

    Attributes:
        made: The kind of the cluster that this program made and has not taken down.
        docker: A Docker daemon answers; a client alone is not enough.
        kind: The ``kind`` program is there.
    """

    made: Kind | None
    docker: bool
    kind: bool

    @classmethod
    def observe(cls, backend_record: Path) -> "Machine":
        """Looks at the machine."""
        record = backend_record.read_text().strip() if backend_record.exists() else ""
        made = Kind(record) if record in (Kind.KIND, Kind.SOURCE) else None
        kind = shutil.which("kind") is not None
        return cls(made=made, docker=kind and succeeds(["docker", "info"]), kind=kind)


def named_context(argument: str | None) -> str | None:
    """Returns the context the caller named, as an argument or in the environment; else None."""
    return argument or os.environ.get(CONTEXT_VARIABLE) or None


def choose(context: str | None, machine: Machine) -> Choice:
    """Chooses the cluster. The current context of a kubeconfig is never asked: it would be a guess."""
    if context is not None:
        return Choice(Kind.EXISTING, f"the context {context} was named", context)
    if machine.made is not None:
        return Choice(machine.made, "it was made by an earlier `up`")
    if machine.kind and machine.docker:
        return Choice(Kind.KIND, "a Docker daemon answers and kind is installed")
    if machine.kind:
        return Choice(Kind.SOURCE, "kind is installed, but no Docker daemon answers")
    return Choice(Kind.SOURCE, "no context was named, and kind is not installed")
