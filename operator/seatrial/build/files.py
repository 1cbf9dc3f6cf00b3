"""Files of a container: a ConfigMap beside the workload, mounted file by file."""

from collections.abc import Sequence
from typing import Any

from seatrial.api.file import File
from seatrial.api.variable import RESERVED
from seatrial.build.origin import Origin

Object = dict[str, Any]

_VOLUME = "seatrial-files"


def files_name(workload: str) -> str:
    """Name of the ConfigMap with the files of a workload."""
    return f"{RESERVED}{workload}"


def files_config_map(origin: Origin, namespace: str, workload: str, files: Sequence[File], **owner: str) -> Object:
    """Builds the ConfigMap.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        workload: Name of the Job, or what is unique among services and Jobs.
        files: The files, with ``${…}`` already replaced.
        owner: ``service`` or ``step``, and its name.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": origin.metadata(files_name(workload), namespace, **owner),
        # Paths are no keys: keys have no slashes.
        "data": {_key(index): file.content for index, file in enumerate(files)},
        # What cannot change, kubelets need not watch.
        "immutable": True,
    }


def files_volume(config_map: str, files: Sequence[File]) -> Object:
    """Builds the volume that the files are mounted from."""
    items = [{"key": _key(index), "path": _key(index), "mode": int(file.mode, 8)} for index, file in enumerate(files)]
    return {"name": _VOLUME, "configMap": {"name": config_map, "items": items}}


def file_mounts(files: Sequence[File]) -> list[Object]:
    """Mounts each file under its own path, so that what the image has beside it stays."""
    return [
        {"name": _VOLUME, "mountPath": file.path, "subPath": _key(index), "readOnly": True}
        for index, file in enumerate(files)
    ]


def _key(index: int) -> str:
    return f"file-{index}"
