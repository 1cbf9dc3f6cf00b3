"""The Job of a setup, step or teardown entry: one pod, one attempt, its exit code the evidence."""

from collections.abc import Collection
from typing import Any

from seatrial.api.step import Job
from seatrial.build.container import container, pod
from seatrial.build.origin import Origin
from seatrial.build.secret import from_secret

Object = dict[str, Any]


def job(
    origin: Origin, namespace: str, step: str, spec: Job, deadline: float, *, secret_env: Collection[str] = ()
) -> Object:
    """Builds the Job.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        step: Name of the entry, which becomes the Job's.
        spec: What the user wrote, with ``${…}`` already replaced.
        deadline: Seconds after which the cluster ends it, in case no operator is there to do so.
        secret_env: Names of the environment variables whose values are secret: they are in a Secret of the step's.
    """
    metadata = origin.metadata(job_name(step), namespace, step=step)
    built = container(spec, "job")
    built["env"] = [
        from_secret(step, entry["name"]) if entry["name"] in secret_env else entry for entry in built["env"]
    ]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # Beyond the step's own time limit, which the plan keeps: this is for when nobody is there to.
            "activeDeadlineSeconds": int(deadline) + 60,
            "template": pod(built, metadata["labels"], metadata["annotations"], "Never"),
        },
    }


def job_name(step: str) -> str:
    """Name of the Job of a step; a service may have the step's name, but no Job is made for services."""
    return f"step-{step}"
