"""What a worker's pod has besides, if a script is its load: the script, its variables, and a folder to write to."""

from typing import Any

from seatrial.api.script import Script
from seatrial.build.files import Object

#: Where the worker expects the ConfigMap with the script (seatrial.load.script).
_FOLDER = "/etc/seatrial/script"
_SCRIPT, _TEMPORARY = "seatrial-script", "seatrial-tmp"
#: The tools are in images of their own; one of the user's is made from those and may have another entry point.
_COMMAND = ["/opt/seatrial/bin/seatrial"]
#: k6 and Locust take more to begin with than our own generator. In MiB.
SCRIPT_MEMORY, SCRIPT_MEMORY_LIMIT = 128, 1024


def script_container(built: Object, script: Script, pull_policy: str) -> Object:
    """Makes the container of a script's worker.

    Args:
        built: The container of a worker.
        script: The script.
        pull_policy: When Seatrial's own images are pulled; empty leaves it to Kubernetes.
    """
    mounts: list[Object] = [{"name": _TEMPORARY, "mountPath": "/tmp"}]  # noqa: S108 - in the container, an empty one
    if script.config_map:
        mounts.append({"name": _SCRIPT, "mountPath": _FOLDER, "readOnly": True})
    more: Object = {"command": _COMMAND, "env": [*built["env"], *_variables(script)], "volumeMounts": mounts}
    if script.image:
        more["image"] = script.image
    elif pull_policy:
        more["imagePullPolicy"] = pull_policy
    return built | more


def script_volumes(script: Script) -> list[Object]:
    """Builds the volumes that it mounts."""
    volumes: list[Object] = [{"name": _TEMPORARY, "emptyDir": {"sizeLimit": "256Mi"}}]
    if script.config_map:
        # Optional, so that the worker starts and says what is missing: a pod that waits for a volume says so nowhere.
        volumes.append({"name": _SCRIPT, "configMap": {"name": script.config_map.name, "optional": True}})
    return volumes


def _variables(script: Script) -> list[Object]:
    variables: list[Object] = []
    for entry in script.env:
        if entry.value_from:
            reference: dict[str, Any] = entry.value_from.secret_key_ref.to_kubernetes()
            variables.append({"name": entry.name, "valueFrom": {"secretKeyRef": reference}})
        else:
            variables.append({"name": entry.name, "value": entry.value.replace("$", "$$")})
    return variables
