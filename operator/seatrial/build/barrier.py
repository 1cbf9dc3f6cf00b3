"""What workers of one load need to begin at one moment: an annotation of their pods, and a file that follows it."""

from typing import Any

from seatrial.api import names

Object = dict[str, Any]

_FOLDER, _FILE = "/run/seatrial", "start"


def attach(template: Object) -> None:
    """Has the worker of a pod template wait for the moment to begin.

    Args:
        template: The template, with one container.
    """
    template["metadata"]["annotations"][names.START] = ""
    item = {"path": _FILE, "fieldRef": {"fieldPath": f"metadata.annotations['{names.START}']"}}
    template["spec"].setdefault("volumes", []).append({"name": "start", "downwardAPI": {"items": [item]}})
    worker = template["spec"]["containers"][0]
    # Never by a subPath: the kubelet brings nothing new into those.
    worker.setdefault("volumeMounts", []).append({"name": "start", "mountPath": _FOLDER, "readOnly": True})
    worker["env"].append({"name": "SEATRIAL_START_FILE", "value": f"{_FOLDER}/{_FILE}"})
