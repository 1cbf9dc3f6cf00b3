"""The operator as a process outside the cluster, in the place of the chart's own: so it can be killed and measured.

It needs the cluster's network (`python3 -m e2e.cluster exec -- …`), and acts with the rights of the chart's service
account, no more.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

NAMESPACE = "seatrial-system"
DEPLOYMENT = "deployment/seatrial"
#: Where the process answers; the chart's own ports may be taken on the machine.
HEALTH_PORT, METRICS_PORT = 18080, 19090
_PACKAGE = Path(__file__).parents[1] / "operator"
_START_SECONDS = 60.0


class OutsideError(RuntimeError):
    """The process does not start, or the cluster does not let it."""


@dataclass(frozen=True)
class Operator:
    """An operator that runs.

    Attributes:
        process: Its process.
        log: What it prints.
        ready_in: Seconds from its start until it had read everything that exists.
    """

    process: asyncio.subprocess.Process
    log: Path
    ready_in: float

    async def kill(self) -> None:
        """Ends it as a crash does."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def metrics(self) -> str:
        """Returns the page of its metrics."""
        return await _get(f"http://127.0.0.1:{METRICS_PORT}/metrics")

    def cpu_seconds(self) -> float:
        """Processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Memory it holds, as the kernel counts it (RSS)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Stand:
    """What starts operators while the chart's own is away.

    Attributes:
        environment: Variables of their process.
        folder: For their logs; it is gone afterwards.
    """

    environment: dict[str, str]
    folder: Path

    @asynccontextmanager
    async def operator(self, *argv: str, core: int | None = None) -> AsyncIterator[Operator]:
        """Runs an operator, and kills it afterwards.

        Args:
            argv: Arguments of Python that start it; ``-m seatrial operator`` if there are none.
            core: The only processor that it may use.

        Raises:
            OutsideError: It is not ready in time.
        """
        pinned = ("taskset", "--cpu-list", str(core)) if core is not None else ()
        command = [*pinned, sys.executable, *(argv or ("-m", "seatrial", "operator"))]
        log = self.folder / f"operator-{len(list(self.folder.glob('operator-*')))}.log"
        began = asyncio.get_running_loop().time()
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=output, stderr=asyncio.subprocess.STDOUT, env=self.environment
            )
        try:
            await _ready(process, log)
            yield Operator(process, log, asyncio.get_running_loop().time() - began)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    """Sends the chart's operator away, and brings it back afterwards.

    Raises:
        OutsideError: The chart is not installed.
    """
    found = json.loads(await kubectl("get", DEPLOYMENT, "--namespace", NAMESPACE, "--output", "json"))
    pod = found["spec"]["template"]["spec"]
    with TemporaryDirectory(prefix="seatrial-outside-") as name:
        folder = Path(name)
        given = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"] if "value" in entry}
        environment = (
            os.environ
            | given
            | {
                "KUBECONFIG": str(await _kubeconfig(folder, pod["serviceAccountName"])),
                "PYTHONPATH": f"{_PACKAGE}{os.pathsep}{_PACKAGE.parent}",
                "SEATRIAL_NAMESPACE": NAMESPACE,
                "SEATRIAL_HEALTH_PORT": str(HEALTH_PORT),
                "SEATRIAL_METRICS_PORT": str(METRICS_PORT),
            }
        )
        try:
            await _scale(0)
            selector = ("--selector", "app.kubernetes.io/name=seatrial", "--namespace", NAMESPACE)
            await kubectl("wait", "pod", "--for=delete", *selector, "--timeout=60s")
            yield Stand(environment, folder)
        finally:
            await _scale(found["spec"]["replicas"] or 1)
            await kubectl("rollout", "status", DEPLOYMENT, "--namespace", NAMESPACE, "--timeout=2m")


async def kubectl(*argv: str) -> str:
    """Runs kubectl and returns what it prints.

    Raises:
        OutsideError: It fails.
    """
    return await _output(["kubectl", *argv])


async def _scale(replicas: int) -> None:
    await kubectl("scale", DEPLOYMENT, "--namespace", NAMESPACE, f"--replicas={replicas}")


async def _kubeconfig(folder: Path, service_account: str) -> Path:
    """Writes a kubeconfig of the service account."""
    token = await kubectl("create", "token", service_account, "--namespace", NAMESPACE, "--duration=3h")
    config = json.loads(await kubectl("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
    config["users"] = [{"name": entry["name"], "user": {"token": token.strip()}} for entry in config["users"]]
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


async def _output(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(180):
        output, errors = await process.communicate()
    if process.returncode:
        raise OutsideError(f"{' '.join(command[:4])} …: {errors.decode(errors='replace').strip()}")
    return output.decode()


async def _ready(process: asyncio.subprocess.Process, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        with suppress(aiohttp.ClientError):
            await _get(f"http://127.0.0.1:{HEALTH_PORT}/readyz")
            return
        if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
            raise OutsideError(f"the operator is not ready: {_last_words(log)}")
        await asyncio.sleep(0.02)


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _get(url: str) -> str:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
        session.get(url, raise_for_status=True) as answer,
    ):
        return await answer.text()
