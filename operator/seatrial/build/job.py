"""The Job of a setup, step or teardown entry: one pod, one attempt, its exit code the evidence."""

from typing import Any

from seatrial.api.step import Job
from seatrial.build.container import container, pod
from seatrial.build.origin import Origin

Object = dict[str, Any]


def job(origin: Origin, namespace: str, step: str, spec: Job, deadline: float) -> Object:
    """Builds the Job.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        step: Name of the entry, which becomes the Job's.
        spec: What the user wrote, with ``${…}`` already replaced.
        deadline: Seconds after which the cluster ends it, in case no operator is there to do so.
    """
    metadata = origin.metadata(origin.title(job_name(step), namespace), namespace, step=step)
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
            "template": pod(container(spec, "job"), metadata["labels"], metadata["annotations"], "Never"),
        },
    }


def job_name(step: str) -> str:
    """Name of the Job of a step; a service may have the step's name, but no Job is made for services."""
    return f"step-{step}"
