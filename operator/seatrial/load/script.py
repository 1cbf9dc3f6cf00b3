"""One worker's share of a load that a script generates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.api.load import LoadSpec
from seatrial.api.script import Engine, Script
from seatrial.load.assignment import AssignmentError

#: Where the pod has the ConfigMap with the script.
SCRIPT_FOLDER = Path("/etc/seatrial/script")
#: Environment variable with the target's address, for the script.
ADDRESS_VARIABLE = "TARGET_URL"
_OURS = ("SEATRIAL_", "JOB_COMPLETION_INDEX")
_ENDING = {Engine.K6: ".js", Engine.LOCUST: ".py"}


@dataclass(frozen=True)
class ScriptShare:
    """What one worker does.

    Attributes:
        spec: The whole load.
        script: Its script.
        index: Number of the worker, from 0.
        address: Where the load goes, as the beginning of a URL.
    """

    spec: LoadSpec
    script: Script
    index: int
    address: str

    @property
    def seconds(self) -> float:
        """Length of the load, warm-up included."""
        return self.spec.profile.length.total_seconds()

    @property
    def warmup(self) -> int:
        """Length of the warm-up in nanoseconds."""
        return round(self.spec.profile.warmup.total_seconds() * 1e9)

    @property
    def end(self) -> int:
        """Length of the load in nanoseconds, warm-up included."""
        return round(self.seconds * 1e9)


def script_share(spec: LoadSpec, *, host: str, port: int, index: int) -> ScriptShare:
    """Returns one worker's share.

    Args:
        spec: The whole load, of a script.
        host: Name or address of the target.
        port: Its port.
        index: Number of the worker, from 0.

    Raises:
        AssignmentError: There is no script, or no such worker.
    """
    if spec.script is None:
        raise AssignmentError(f"the engine {spec.engine} needs a script")
    if not 0 <= index < spec.workers:
        raise AssignmentError(f"worker {index} of {spec.workers}: the index must be from 0 to {spec.workers - 1}")
    name = f"[{host}]" if ":" in host else host
    return ScriptShare(spec, spec.script, index, f"http://{name}:{port}")


def located(share: ScriptShare, into: Path, *, folder: Path = SCRIPT_FOLDER) -> Path:
    """Finds the script's file; writes it first if the manifest holds the script itself.

    Args:
        share: What to do.
        into: A folder to write to.
        folder: Where the ConfigMap with the script is.

    Raises:
        AssignmentError: There is no such file; the message says what to give.
    """
    script = share.script
    if script.inline is not None:
        path = into / f"script{_ENDING[share.spec.engine]}"
        path.write_text(script.inline)
        return path
    if script.config_map is not None:
        path = folder / script.config_map.key
        if not path.is_file():
            there = ", ".join(sorted(each.name for each in folder.glob("[!.]*"))) or "nothing"
            raise AssignmentError(
                f"script.configMap: ConfigMap {script.config_map.name} has no key {script.config_map.key} in the "
                f"namespace of the workers; there is {there}"
            )
        return path
    path = Path(script.path or "")
    if not path.is_file():
        raise AssignmentError(f"script.path: there is no file {path} in image {script.image}")
    return path


def script_environment(share: ScriptShare, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a tool: the worker's own without what tells the worker what to do, and the address."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_OURS)}
    return {**kept, ADDRESS_VARIABLE: share.address}


def hidden_values(share: ScriptShare, environment: Mapping[str, str]) -> list[str]:
    """Values from Secrets, which no message may show."""
    return [environment[entry.name] for entry in share.script.env if entry.value_from and environment.get(entry.name)]
