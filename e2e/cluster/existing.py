"""A cluster that exists: used, and neither made nor taken away."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from e2e.cluster import binaries, pypi, tools
from e2e.cluster.command import become, run, succeeds
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.progress import Progress


class ExistingCluster:
    """A context of the user's kubeconfig; implements :class:`e2e.cluster.backend.Backend`.

    Commands get a kubeconfig with this one context in it, so that nothing they do can reach another.
    """

    def __init__(self, context: str, folders: Folders, progress: Progress) -> None:
        self._context = context
        self._folders = folders
        self._progress = progress
        name = hashlib.sha256(context.encode()).hexdigest()[:12]
        self._copy = folders.state.parent / "contexts" / f"{name}.kubeconfig"

    def up(self) -> None:
        """Checks that the context exists and its API server answers."""
        kubectl = pypi.kubectl(self._folders, self._progress)
        helm = binaries.ensure_helm(self._folders, self._progress)
        tools.link(self._folders, {"kubectl": kubectl, "helm": helm})
        self._write_copy()
        with self._progress.step(f"asking the cluster of the context {self._context}"):
            run([kubectl, "--kubeconfig", self._copy, "--request-timeout=10s", "get", "--raw", "/readyz"], timeout=20)

    def down(self) -> None:
        """Forgets the copy of the context; the cluster itself stays as it is."""
        self._copy.unlink(missing_ok=True)
        self._progress.say(f"the cluster of the context {self._context} was not made here, and is left alone")

    def status(self) -> bool:
        """Prints the nodes."""
        self._write_copy()
        print(f"cluster: the context {self._context}")
        kubectl = [str(pypi.kubectl(self._folders, self._progress)), "--kubeconfig", str(self._copy)]
        if not succeeds([*kubectl, "--request-timeout=10s", "get", "--raw", "/readyz"]):
            print("not ready: the API server does not answer")
            return False
        print(run([*kubectl, "get", "nodes", "--output=wide"]), end="")
        return succeeds([*kubectl, "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=1s"])

    def load(self, names: Sequence[str]) -> None:
        """Refuses: how images get to a foreign cluster's nodes is the owner's affair.

        Raises:
            ClusterError: Always.
        """
        raise ClusterError(
            f"cannot load {', '.join(names)} into the nodes of the context {self._context}",
            "push them to a registry that its nodes can reach, and name them with that registry in the values",
        )

    def kubeconfig(self) -> Path:
        """Returns a kubeconfig with this context and no other."""
        self._write_copy()
        return self._copy

    def execute(self, argv: Sequence[str]) -> NoReturn:
        """Runs a command with that kubeconfig."""
        variables = tools.environment(self._folders.cache / "tools", self.kubeconfig())
        become(argv, variables)

    def _write_copy(self) -> None:
        kubectl = pypi.kubectl(self._folders, self._progress)
        try:
            text = run([kubectl, "config", "view", "--raw", "--flatten", "--minify", "--context", self._context])
        except ClusterError as error:
            raise ClusterError(
                f"there is no usable context {self._context}: {error.problem}",
                "see `kubectl config get-contexts`",
            ) from error
        self._copy.parent.mkdir(parents=True, exist_ok=True)
        partial = self._copy.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(text)
        partial.rename(self._copy)
