"""The sidecar that reads a Job's files out, so that nobody needs a shell in the pod or a volume that outlives it."""

from pathlib import PurePosixPath
from typing import Any

from seatrial.api.container import PodSecurity
from seatrial.api.parcel import ARTIFACT_BYTES, CONTAINER, MOUNT, TOTAL_BYTES, VARIABLE, Kind, Wanted, wanted_json
from seatrial.api.step import Job
from seatrial.build.container import security_context

Object = dict[str, Any]

RESOURCES = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
#: What a Job may write into each folder before its pod is evicted.
FOLDER_SIZE = "64Mi"


def attach(template: Object, spec: Job, *, image: str, pull_policy: str) -> None:
    """Puts the sidecar and the folders that it shares with the Job's container into a pod template.

    Args:
        template: The Job's pod template, with its container; one whose Job hands nothing over stays as it is.
        spec: The Job.
        image: Seatrial's own image.
        pull_policy: When it is pulled; empty leaves it to Kubernetes.
    """
    wanted, folders = _wanted(spec)
    if not wanted:
        return
    pod = template["spec"]
    names = [f"{CONTAINER}-{number}" for number in range(len(folders))]
    volumes = [{"name": name, "emptyDir": {"sizeLimit": FOLDER_SIZE}} for name in names]
    pod.setdefault("volumes", []).extend(volumes)
    mounts = [{"name": name, "mountPath": folder} for name, folder in zip(names, folders, strict=True)]
    pod["containers"][0].setdefault("volumeMounts", []).extend(mounts)
    pod.setdefault("initContainers", []).append(_sidecar(wanted, names, image, pull_policy))


def _wanted(spec: Job) -> tuple[list[Wanted], list[str]]:
    """What to read, JUnit first because verdicts hang on it, and the folders it is in."""
    paths = [(Kind.JUNIT, spec.junit, spec.junit, TOTAL_BYTES)] if spec.junit else []
    paths += [(Kind.ARTIFACT, artifact.name, artifact.path, ARTIFACT_BYTES) for artifact in spec.artifacts]
    folders: list[str] = []
    wanted = []
    for kind, name, path, limit in paths:
        folder = str(PurePosixPath(path).parent)
        if folder not in folders:
            folders.append(folder)
        wanted.append(Wanted(kind, name, folders.index(folder), PurePosixPath(path).name, limit))
    return wanted, folders


def _sidecar(wanted: list[Wanted], volumes: list[str], image: str, pull_policy: str) -> Object:
    built: Object = {
        "name": CONTAINER,
        "image": image,
        "args": ["collect"],
        "env": [{"name": VARIABLE, "value": wanted_json(wanted)}],
        # What makes an init container a sidecar that runs beside the Job's container, and ends after it (KEP-753).
        "restartPolicy": "Always",
        # The Job's container starts after this hook: told to end any earlier, the sidecar would not hear it.
        "lifecycle": {"postStart": {"exec": {"command": ["seatrial", "collect", "--await-ready"]}}},
        "resources": RESOURCES,
        "securityContext": security_context(PodSecurity.RESTRICTED),
        "volumeMounts": [
            {"name": name, "mountPath": f"{MOUNT}/{number}", "readOnly": True} for number, name in enumerate(volumes)
        ],
    }
    if pull_policy:
        built["imagePullPolicy"] = pull_policy
    return built
