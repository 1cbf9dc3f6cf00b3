"""What workers of one load need to begin at one moment: an annotation of their pods, and a file that follows it."""

from typing import Any

from seatrial.api import names

Object = dict[str, Any]

_FOLDER = "/run/seatrial"
#: Files by annotation, and the environment variables that name them.
_START, _LEADER = (names.START, "start", "SEATRIAL_START_FILE"), (names.LEADER, "leader", "SEATRIAL_LEADER_FILE")


def attach(template: Object, *, led: bool = False) -> None:
    """Has the worker of a pod template wait for the moment to begin.

    Args:
        template: The template, with one container.
        led: Whether it needs the address of worker 0 as well.
    """
    told = (_START, _LEADER) if led else (_START,)
    template["metadata"]["annotations"] |= {annotation: "" for annotation, _, _ in told}
    items = [
        {"path": file, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
        for annotation, file, _ in told
    ]
    template["spec"].setdefault("volumes", []).append({"name": "start", "downwardAPI": {"items": items}})
    worker = template["spec"]["containers"][0]
    # Never by a subPath: the kubelet brings nothing new into those.
    worker.setdefault("volumeMounts", []).append({"name": "start", "mountPath": _FOLDER, "readOnly": True})
    worker["env"] += [{"name": variable, "value": f"{_FOLDER}/{file}"} for _, file, variable in told]
