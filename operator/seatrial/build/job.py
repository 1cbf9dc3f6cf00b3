"""The Job of a setup, step or teardown entry: one pod, one attempt, its exit code the evidence."""

from typing import Any

from seatrial.api import names
from seatrial.api.step import Job
from seatrial.build.container import container, pod
from seatrial.build.files import files_name, files_volume
from seatrial.build.origin import Origin

Object = dict[str, Any]


def job(origin: Origin, namespace: str, step: str, spec: Job, deadline: float, attempt: int = 1) -> Object:
    """Builds the Job.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        step: Name of the entry, which becomes the Job's.
        spec: What the user wrote, with ``${…}`` already replaced.
        deadline: Seconds after which the cluster ends it, in case no operator is there to do so.
        attempt: Number of the attempt, from 1.
    """
    metadata = origin.metadata(job_name(step, attempt), namespace, step=step, attempt=str(attempt))
    volumes = [files_volume(files_name(metadata["name"]), spec.files)] if spec.files else []
    template = pod(container(spec, "job"), metadata["labels"], metadata["annotations"], "Never", volumes=volumes)
    return run_to_end(metadata, template, deadline)


def run_to_end(metadata: Object, template: Object, deadline: float) -> Object:
    """Builds the Job of one pod and one attempt.

    Args:
        metadata: The Job's metadata.
        template: Its pod.
        deadline: Seconds after which the cluster ends it, in case no operator is there to do so.
    """
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # Beyond the time limit that the plan keeps: this is for when nobody is there to.
            "activeDeadlineSeconds": int(deadline) + 60,
            "template": template,
        },
    }


def job_name(step: str, attempt: int = 1) -> str:
    """Name of the Job of a step; a service may have the step's name, but its Job begins otherwise."""
    return f"step-{names.attempt(step, attempt)}"
