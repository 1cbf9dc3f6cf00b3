"""A kind cluster, where a Docker daemon runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from e2e.cluster import binaries, pypi, tools
from e2e.cluster.backend import Kind
from e2e.cluster.command import become, run, succeeds
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.locks import held
from e2e.cluster.progress import Progress

NAME = "seatrial"


class KindCluster:
    """A kind cluster of the name ``seatrial``; implements :class:`e2e.cluster.backend.Backend`.

    Its kubeconfig lies in the state folder: the user's own is not touched.
    """

    def __init__(self, folders: Folders, progress: Progress) -> None:
        self._folders = folders
        self._progress = progress

    def up(self) -> None:
        """Creates the cluster, or recognises it; one that does not answer is made anew."""
        kubectl = pypi.kubectl(self._folders, self._progress)
        helm = binaries.ensure_helm(self._folders, self._progress)
        tools.link(self._folders, {"kubectl": kubectl, "helm": helm})
        with held(self._folders.cache / "cluster.lock", self._progress):
            made = self._folders.backend_record.exists()
            exists = NAME in run(["kind", "get", "clusters"]).split()
            if exists and not made:
                raise ClusterError(
                    f"there is a kind cluster {NAME} that this program did not make",
                    f"remove it with `kind delete cluster --name {NAME}`, or use it with --context kind-{NAME}",
                )
            if exists and self._ready(kubectl):
                self._progress.say("the cluster is up and healthy")
                return
            if exists:
                self._delete()
            # Before the creation: a run that is killed in the middle leaves a cluster known as its own.
            self._folders.state.mkdir(parents=True, exist_ok=True)
            self._folders.backend_record.write_text(Kind.KIND)
            with self._progress.step("kind create cluster"):
                create = ["kind", "create", "cluster", "--name", NAME, "--wait", "180s"]
                run([*create, "--kubeconfig", self._folders.kubeconfig], timeout=900)

    def down(self) -> None:
        """Deletes the cluster and forgets it."""
        if not self._folders.backend_record.exists():
            self._progress.say("there is no cluster to take down")
            return
        with held(self._folders.cache / "cluster.lock", self._progress):
            self._delete()
            self._folders.kubeconfig.unlink(missing_ok=True)
            self._folders.backend_record.unlink()
            self._folders.state.rmdir()

    def status(self) -> bool:
        """Prints the nodes."""
        if not self._folders.kubeconfig.exists():
            print("cluster: none")
            return False
        print(f"cluster: kind, name {NAME}")
        kubectl = pypi.kubectl(self._folders, self._progress)
        if not self._ready(kubectl):
            print("not ready")
            return False
        print(run([kubectl, "--kubeconfig", self._folders.kubeconfig, "get", "nodes", "--output=wide"]), end="")
        return True

    def load(self, names: Sequence[str]) -> None:
        """Hands images of Docker's store to kind, which skips those the node has."""
        self.kubeconfig()
        with self._progress.step(f"loading {', '.join(names)}"):
            run(["kind", "load", "docker-image", "--name", NAME, *names], timeout=900)

    def kubeconfig(self) -> Path:
        """Returns the kubeconfig's path."""
        if not self._folders.kubeconfig.exists():
            raise ClusterError("there is no cluster", "bring it up: python3 -m e2e.cluster up")
        return self._folders.kubeconfig

    def execute(self, argv: Sequence[str]) -> NoReturn:
        """Runs a command with the cluster's kubeconfig."""
        variables = tools.environment(self._folders.cache / "tools", self.kubeconfig())
        become(argv, variables)

    def _ready(self, kubectl: Path) -> bool:
        wait: list[str | Path] = [
            "wait",
            "--for=condition=Ready",
            "nodes",
            "--all",
            "--timeout=5s",
            "--request-timeout=10s",
        ]
        kubeconfig = self._folders.kubeconfig
        return kubeconfig.exists() and succeeds([kubectl, "--kubeconfig", kubeconfig, *wait])

    def _delete(self) -> None:
        delete: list[str | Path] = [
            "kind",
            "delete",
            "cluster",
            "--name",
            NAME,
            "--kubeconfig",
            self._folders.kubeconfig,
        ]
        with self._progress.step("kind delete cluster"):
            run(delete, timeout=300)
