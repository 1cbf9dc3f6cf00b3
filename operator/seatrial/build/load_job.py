"""The Indexed Job with the workers of a load."""

import json
from datetime import timedelta
from typing import Any

from seatrial.api import names
from seatrial.api.container import PodSecurity
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.placement import Placement
from seatrial.api.script import Engine
from seatrial.build import barrier
from seatrial.build.container import pod, security_context
from seatrial.build.origin import Origin
from seatrial.build.script import SCRIPT_MEMORY, SCRIPT_MEMORY_LIMIT, script_container, script_volumes

Object = dict[str, Any]

#: Of a worker of one core, and what each further one adds, in thousandths of a core and MiB.
CPU, MEMORY, MEMORY_LIMIT = (100, 100), (64, 32), (512, 128)


def load_job(
    origin: Origin,
    name: str,
    namespace: str,
    step: str,
    spec: LoadSpec,
    *,
    target: str,
    image: str,
    pull_policy: str,
    run_spec: str = "",
    attempt: int = 1,
) -> Object:
    """Builds the Job.

    Args:
        origin: The run.
        name: The Job's name.
        namespace: Where the workers run, beside the Service.
        step: Name of the step.
        spec: The load; it reaches the workers in their environment, so nothing else needs to be made or read.
        target: ``host:port`` of the Service.
        image: Seatrial's own image for its engine; that of a script goes before it.
        pull_policy: When it is pulled; empty leaves it to Kubernetes.
        run_spec: The spec of a LoadTest as JSON. The Job then keeps it, so that an edit during the run, and a restart
            of the operator, change nothing about it; and the LoadTest owns the Job.
        attempt: Number of the attempt, from 1.
    """
    metadata = origin.metadata(name, namespace, step=step, attempt=str(attempt))
    labels, annotations = metadata["labels"], dict(metadata["annotations"])
    if run_spec:
        metadata["ownerReferences"] = [origin.owner_reference()]
        metadata["annotations"][names.RUN_SPEC] = run_spec
    worker = _worker(spec, origin.run, target, image, pull_policy)
    volumes = script_volumes(spec.script) if spec.script else ()
    template = _spread(pod(worker, labels, annotations, "Never", volumes=volumes), labels)
    if spec.placement:
        _place(template, spec.placement)
    if spec.workers > 1:
        barrier.attach(template, led=spec.engine is Engine.LOCUST)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "completionMode": "Indexed",
            "completions": spec.workers,
            "parallelism": spec.workers,
            # A second life of a worker would send its share again; a lost worker makes the result inconclusive.
            "backoffLimit": 0,
            "activeDeadlineSeconds": _longest_life(spec),
            "template": template,
        },
    }


def _longest_life(spec: LoadSpec) -> int:
    """Seconds after which Kubernetes ends the workers of an operator that never comes back."""
    start = spec.timeouts.start if isinstance(spec, LoadTestSpec) else timedelta()
    return int((start + spec.profile.length + spec.ending).total_seconds()) + 600


def _spread(template: Object, labels: Object) -> Object:
    """Puts workers on different nodes where that can be done: one node's network is one bottleneck."""
    template["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
    ]
    return template


def _place(template: Object, placement: Placement) -> None:
    built = template["spec"]
    if placement.priority_class_name:
        built["priorityClassName"] = placement.priority_class_name
    if placement.node_selector:
        built["nodeSelector"] = dict(placement.node_selector)
    if placement.tolerations:
        built["tolerations"] = [
            toleration.to_kubernetes() | {"operator": "Exists" if toleration.value is None else "Equal"}
            for toleration in placement.tolerations
        ]


def _worker(spec: LoadSpec, run: str, target: str, image: str, pull_policy: str) -> Object:
    built: Object = {
        "name": "worker",
        "image": image,
        "args": ["worker"],
        "env": [
            # Kubernetes makes one $ of two, and a variable's value of $(NAME).
            {"name": "SEATRIAL_LOAD", "value": load_json(spec).replace("$", "$$")},
            {"name": "SEATRIAL_TARGET", "value": target},
            {"name": "SEATRIAL_RUN", "value": run},
            *(
                {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
                for (secret, key), variable in spec.secrets.items()
            ),
            *_ca(spec),
            # Of a container without a limit, this is what its node has.
            {
                "name": "SEATRIAL_CPU_LIMIT",
                "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}},
            },
        ],
        "resources": _resources(spec),
        "securityContext": security_context(PodSecurity.RESTRICTED) | {"readOnlyRootFilesystem": True},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if spec.script:
        return script_container(built, spec.script, pull_policy)
    if pull_policy:
        built["imagePullPolicy"] = pull_policy
    return built


def _ca(spec: LoadSpec) -> list[Object]:
    """The certificate authorities to trust, by reference: a Secret with one need not be read by the operator."""
    ca = spec.target.tls.ca if spec.target.tls else None
    if ca is None:
        return []
    kind, source = ("configMapKeyRef", ca.config_map) if ca.config_map else ("secretKeyRef", ca.secret)
    assert source is not None  # noqa: S101 - the model has one of them
    return [{"name": "SEATRIAL_CA", "valueFrom": {kind: {"name": source.name, "key": source.key}}}]


def _resources(spec: LoadSpec) -> Object:
    """What the user gave; the rest is ours, unless it would ask for more than the user's limit."""
    given = spec.resources.to_kubernetes() if spec.resources else {}
    limits = given.get("limits", {})
    cpu, memory, limit = (first + more * (spec.cores - 1) for first, more in (CPU, MEMORY, MEMORY_LIMIT))
    if spec.script:
        memory, limit = SCRIPT_MEMORY, SCRIPT_MEMORY_LIMIT
    ours = {"cpu": f"{cpu}m", "memory": f"{memory}Mi"}
    requests = {name: amount for name, amount in ours.items() if name not in limits}
    # Where a LimitRange gives a core to those who say nothing, several would have to share it.
    several = {"cpu": str(spec.cores)} if spec.cores > 1 else {}
    return {
        "requests": requests | limits | given.get("requests", {}),
        "limits": {"memory": f"{limit}Mi", **several} | limits,
    }


def load_json(spec: LoadSpec) -> str:
    """The load as workers read it, without what belongs to a LoadTest alone."""
    fields = set(LoadSpec.model_fields) - {"rate_per_worker", "users_per_worker", "placement"}
    numbered = spec.model_copy(update={"given_workers": spec.workers})
    content = numbered.model_dump(mode="json", by_alias=True, exclude_none=True, include=fields)
    content["target"].pop("namespace", None)
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
