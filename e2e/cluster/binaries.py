"""The cluster's own programs: built once from one pinned Go module into the user's cache.

The folder's name is a key made from everything that decides what comes out, so that a changed
version builds anew and an unchanged one never. A build goes into a temporary folder first and is
renamed when complete: what has the key's name is whole, whatever was killed when.
"""

import hashlib
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import golang
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.locks import held
from e2e.cluster.progress import Progress

MODULE = Path(__file__).parent
PAUSE_SOURCE = MODULE / "pause" / "main.go"
PROGRAMS = (
    "coredns",
    "etcd",
    "helm",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
    "metrics-server",
    "pause",
)
# Go names a program after the last part of its import path, minus a version: for
# go.etcd.io/etcd/server/v3 that is "server", or "v3" with some versions of Go.
ETCD_NAMES = ("server", "v3")
HELM = "helm.sh/helm/v4/cmd/helm"
TARGETS = ("tool", "./pause")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a build gives.

    Attributes:
        module: Text of ``go.mod``, which names the programs and their versions.
        sums: Text of ``go.sum``.
        pause: Text of the pause program's source.
        machine: Processor, for caches that several machines share.
    """

    module: str
    sums: str
    pause: str
    machine: str

    @classmethod
    def of_repository(cls) -> "Recipe":
        """Reads the recipe that lies beside this file."""
        return cls(
            module=(MODULE / "go.mod").read_text(),
            sums=(MODULE / "go.sum").read_text(),
            pause=PAUSE_SOURCE.read_text(),
            machine=platform.machine(),
        )

    @property
    def kubernetes(self) -> str:
        """The version of Kubernetes, such as ``1.36.3``.

        Raises:
            ClusterError: ``go.mod`` requires none.
        """
        found = re.search(r"^\s*k8s\.io/kubernetes v(\d+\.\d+\.\d+)", self.module, re.MULTILINE)
        if found is None:
            raise ClusterError("go.mod requires no release of k8s.io/kubernetes", "restore e2e/cluster/go.mod")
        return found.group(1)

    @property
    def flags(self) -> tuple[str, ...]:
        """Arguments of ``go build``.

        Without the version the API server calls itself v0.0.0-master, and charts that ask for a
        ``kubeVersion`` refuse it.
        """
        major, minor, _ = self.kubernetes.split(".")
        variables = {"gitVersion": f"v{self.kubernetes}", "gitMajor": major, "gitMinor": minor}
        settings = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in variables.items()]
        return ("-trimpath", "-ldflags", " ".join(["-s", "-w", *settings]))

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that change with any part of the recipe."""
        parts = (self.module, self.sums, self.pause, self.machine, *self.flags, *PROGRAMS)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def folder(folders: Folders) -> Path:
    """Returns where the programs of the current recipe are or will be."""
    return folders.cache / Recipe.of_repository().key


def complete(candidate: Path) -> bool:
    """Says whether a folder has every program."""
    return all((candidate / program).is_file() for program in PROGRAMS)


def ensure(folders: Folders, progress: Progress) -> Path:
    """Returns the folder with the programs, after building them where the cache has none."""
    recipe = Recipe.of_repository()
    target = folders.cache / recipe.key
    if complete(target):
        return target
    with held(folders.cache / "build.lock", progress):
        if not complete(target):
            _build(recipe, target, folders, progress)
    return target


def ensure_helm(folders: Folders, progress: Progress) -> Path:
    """Returns the pinned Helm alone, for clusters that bring the rest themselves."""
    recipe = Recipe.of_repository()
    if complete(folders.cache / recipe.key):
        return folders.cache / recipe.key / "helm"
    target = folders.cache / f"{recipe.key}-helm" / "helm"
    with held(folders.cache / "build.lock", progress):
        if not target.is_file():
            progress.say(f"will build Helm from source, once, into {target}")
            go = golang.ensure(folders, progress)
            partial = target.with_suffix(".partial")
            partial.parent.mkdir(parents=True, exist_ok=True)
            with progress.step("building Helm"):
                packages = golang.dependencies(go, MODULE, [HELM], progress)
                golang.build(go, MODULE, [*recipe.flags, "-o", str(partial), HELM], packages, progress)
            partial.rename(target)
    return target


def _build(recipe: Recipe, target: Path, folders: Folders, progress: Progress) -> None:
    progress.say(
        f"will build Kubernetes {recipe.kubernetes} and its companions from source, once, into {target}"
        " (about 12 min on 2 cores; Go's module and build caches grow by 10 GB, and may be cleaned afterwards)"
    )
    go = golang.ensure(folders, progress)
    for abandoned in folders.cache.glob("building-*"):
        shutil.rmtree(abandoned)  # under the lock: whoever made it is dead
    partial = Path(tempfile.mkdtemp(prefix="building-", dir=folders.cache))
    with progress.step("downloading Go modules"):
        packages = golang.dependencies(go, MODULE, TARGETS, progress)
    with progress.step("building the cluster's programs"):
        golang.build(go, MODULE, [*recipe.flags, "-o", f"{partial}/", *TARGETS], packages, progress)
    for name in ETCD_NAMES:
        if (partial / name).exists():
            (partial / name).rename(partial / "etcd")
    if not complete(partial):
        absent = [program for program in PROGRAMS if not (partial / program).exists()]
        raise ClusterError(f"the build gave no {', '.join(absent)}", "compare PROGRAMS with go.mod's tool lines")
    if target.exists():
        shutil.rmtree(target)
    partial.chmod(0o755)
    partial.rename(target)
