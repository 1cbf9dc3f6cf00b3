"""What end-to-end tests stand on: a real cluster, the chart installed from this folder, a namespace for each test.

Run them with `make e2e`, which brings up the cluster and puts this process into its network.
"""

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from .exclusion import _side_by_side, locked, pytest_collection_modifyitems, shared_folder

ROOT = Path(__file__).parents[2]
RELEASE, RELEASE_NAMESPACE = "seatrial", "seatrial-system"
DEPLOYMENT = f"deployment/{RELEASE}"
_OURS = {"tscn": "testscenarios", "ldt": "loadtests"}
#: Lines of the operator's log that a failed test shows.
_LOG_LINES = 60

__all__ = ["_side_by_side", "pytest_collection_modifyitems", "shared_folder"]  # what pytest looks for here

#: What the platform team of the tests allows. Nothing is there but where a test makes it.
ALLOWED_NAMESPACE = "seatrial-e2e-allowed"
_ALLOWED = {
    "allowedTargets": [{"namespaces": ["*"], "namespace": ALLOWED_NAMESPACE, "services": ["inventory"]}],
    "workerPlacement": {
        "priorityClassNames": ["seatrial-e2e"],
        "nodeSelector": [{"key": "kubernetes.io/os", "values": ["linux"]}],
        "tolerations": [{"key": "seatrial-e2e", "values": ["*"]}],
    },
}

Run = Callable[..., subprocess.CompletedProcess[str]]


def _run(program: str, *args: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:  # noqa: A002 - as subprocess.run calls it
    done = subprocess.run([program, *args], input=input, text=True, capture_output=True, timeout=300)
    if check and done.returncode:
        pytest.fail(f"{program} {' '.join(args)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session")
def kubectl() -> Run:
    """Runs kubectl on the cluster."""

    def call(*args: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:  # noqa: A002 - as above
        return _run("kubectl", *args, input=input, check=check)

    return call


@pytest.fixture(scope="session")
def helm() -> Run:
    """Runs Helm on the cluster."""

    def call(*args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return _run("helm", *args, check=check)

    return call


@pytest.fixture(scope="session")
def seatrial() -> Run:
    """Runs the command of this checkout."""

    def call(*args: str, input: str | None = None, check: bool = False) -> subprocess.CompletedProcess[str]:  # noqa: A002 - as above
        return _run(str(ROOT / ".venv/bin/seatrial"), *args, input=input, check=check)

    return call


@pytest.fixture(scope="session", autouse=True)
def _installed(helm: Run, kubectl: Run, shared_folder: Path) -> None:
    """Installs the chart as a user does, with the image that was built from this checkout: once, for all processes."""
    with locked(shared_folder / "installing.lock"):
        installed = shared_folder / "installed"
        if not installed.exists():
            _install(helm, kubectl)
            installed.touch()


def _install(helm: Run, kubectl: Run) -> None:
    where = ("--namespace", RELEASE_NAMESPACE)
    helm(
        *("upgrade", "--install", RELEASE, str(ROOT / "charts/seatrial"), *where, "--create-namespace"),
        *("--set", "image.tag=dev", "--wait", "--timeout", "2m"),
        *(word for name, value in _ALLOWED.items() for word in ("--set-json", f"{name}={json.dumps(value)}")),
    )
    # The tag is always the same, so a new image needs a new pod.
    kubectl("rollout", "restart", DEPLOYMENT, *where)
    kubectl("rollout", "status", DEPLOYMENT, *where, "--timeout=2m")
    # Helm keeps what it discovered before the definitions were there, on disk, and `kubectl explain` believes it.
    kubectl("api-resources", "--cached=false", "--api-group=seatrial.dev")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the operator said, where a test has failed."""
    report = yield
    if report.failed:
        trials = getattr(item, "funcargs", {}).get("trials")
        report.sections.append(("What the operator said", _operator_log(trials.namespace if trials else "")))
    return report


def _operator_log(namespace: str) -> str:
    """Returns the end of the operator's log: what is about a namespace, and what is more than information."""
    command = ["kubectl", "logs", DEPLOYMENT, "--namespace", RELEASE_NAMESPACE, "--tail=5000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if namespace in line or '"severity": "info"' not in line]
    return "\n".join([*lines[-_LOG_LINES:], done.stderr])


@pytest.fixture(scope="session")
def resources() -> kubernetes_client.CustomObjectsApi:
    """Reads our resources without a process for each look, which would cost more than what is looked at."""
    connected = kubernetes_config.new_client_from_config()  # type: ignore[no-untyped-call] # the package types models only
    return kubernetes_client.CustomObjectsApi(connected)


class Trials:
    """Applies trials in a namespace of the test's own and waits for what becomes of them."""

    def __init__(self, kubectl: Run, resources: kubernetes_client.CustomObjectsApi, namespace: str) -> None:
        self._kubectl = kubectl
        self._resources = resources
        self.namespace = namespace

    def apply(self, manifest: str | Path | dict[str, Any]) -> None:
        """Applies a file or a manifest."""
        if isinstance(manifest, Path):
            self._kubectl("apply", "--namespace", self.namespace, "--filename", str(manifest))
        else:
            text = manifest if isinstance(manifest, str) else json.dumps(manifest)
            self._kubectl("apply", "--namespace", self.namespace, "--filename", "-", input=text)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Reads one object."""
        if kind in _OURS:
            return self._ours(_OURS[kind], name)
        answer = self._kubectl("get", kind, name, "--namespace", self.namespace, "--output", "json")
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def _ours(self, plural: str, name: str) -> dict[str, Any]:
        found = self._resources.get_namespaced_custom_object(
            group="seatrial.dev", version="v1alpha1", namespace=self.namespace, plural=plural, name=name
        )
        assert isinstance(found, dict)
        return found

    def wait(self, kind: str, name: str, condition: str = "Complete", timeout: int = 120) -> dict[str, Any]:
        """Waits for a condition to be true and returns the object."""
        where = ("--namespace", self.namespace)
        done = self._kubectl(
            "wait", f"--for=condition={condition}", f"{kind}/{name}", *where, f"--timeout={timeout}s", check=False
        )
        if done.returncode:
            shown = self._kubectl("get", kind, name, *where, "--output", "yaml", check=False).stdout
            pytest.fail(f"{kind}/{name} did not become {condition} within {timeout} s: {done.stderr}\n{shown}")
        return self.get(kind, name)

    def until(self, what: str, holds: Callable[[], bool], timeout: float = 60) -> None:
        """Waits until something holds that no condition tells."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {timeout} s: {what}")
            time.sleep(0.2)

    def leftovers(self, uid: str) -> list[str]:
        """Names every object in the cluster that was made for a resource and is still there."""
        selector = f"seatrial.dev/uid={uid}"
        kinds = (
            "namespaces,pods,jobs,deployments,replicasets,statefulsets,services,secrets,configmaps,"
            "persistentvolumeclaims,resourcequotas,limitranges,networkpolicies"
        )
        answer = self._kubectl(
            "get", kinds, "--all-namespaces", "--selector", selector, "--output", "name", "--ignore-not-found"
        )
        return answer.stdout.split()

    def nothing_left(self, uid: str, timeout: float = 60) -> None:
        """Fails unless everything that was made for a resource goes away."""
        self.until(f"leftovers of {uid} are gone", lambda: not self.leftovers(uid), timeout)


@pytest.fixture
def trials(kubectl: Run, resources: kubernetes_client.CustomObjectsApi) -> Iterator[Trials]:
    """Trials in a namespace that is deleted afterwards."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield Trials(kubectl, resources, name)
    kubectl("delete", "namespace", name, "--wait=false")
