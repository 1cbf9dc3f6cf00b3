"""Putting a trial into the cluster, so that a run of exactly this spec starts."""

import secrets
from typing import Any

from seatrial.api.validation import InvalidSpec
from seatrial.cli.cluster import Cluster, Object
from seatrial.cli.follow import Identity, Patience, states
from seatrial.cli.manifests import READERS, Trial
from seatrial.cli.reading import parse_status
from seatrial.cli.screen import Screen
from seatrial.kube.resources import Resource
from seatrial.report.wording import condition, is_true

FIELD_MANAGER = "seatrial-run"


async def start(cluster: Cluster, trial: Trial, namespace: str, *, screen: Screen, patience: Patience) -> Object:
    """Applies a trial and sees to it that it runs.

    Returns:
        The object as stored; the run that it is about is the one of its ``metadata.generation``.

    Raises:
        KubeError: The API server refuses or does not answer.
    """
    stored = await _apply(cluster, trial, namespace, run=None)
    while stored["metadata"].get("deletionTimestamp"):
        screen.note("the resource is being deleted; waiting until it is gone")
        async for _ in states(cluster, identity(trial.resource, stored), patience=patience, note=screen.note):
            pass
        stored = await _apply(cluster, trial, namespace, run=None)
    if _has_ended(trial.resource, stored):
        screen.note("the spec is as it was: starting another run by a new spec.run")
        stored = await _apply(cluster, trial, namespace, run=secrets.token_hex(4))
    if not _says_the_same(trial, stored["spec"]):
        screen.note(
            "the resource has fields that somebody else applied and the file does not have "
            "(`kubectl get --show-managed-fields` tells who): replacing the whole spec by the file's"
        )
        stored = await _replace(cluster, trial, stored)
    return stored


def identity(resource: Resource, stored: Object) -> Identity:
    """Tells an object from a later one of the same name."""
    metadata = stored["metadata"]
    return Identity(resource, metadata["namespace"], metadata["name"], metadata["uid"])


async def _apply(cluster: Cluster, trial: Trial, namespace: str, *, run: str | None) -> Object:
    metadata = {
        key: trial.body["metadata"][key] for key in ("labels", "annotations") if trial.body["metadata"].get(key)
    }
    spec: dict[str, Any] = trial.body["spec"] if run is None else {**trial.body["spec"], "run": run}
    body = {
        "apiVersion": trial.resource.api_version,
        "kind": trial.resource.kind,
        "metadata": {"name": trial.name, "namespace": namespace, **metadata},
        "spec": spec,
    }
    return await cluster.apply(trial.resource, body, field_manager=FIELD_MANAGER)


def _has_ended(resource: Resource, stored: Object) -> bool:
    """Whether the operator is done with the spec as stored, so that nothing would happen any more."""
    status = parse_status(resource, stored.get("status"))
    done = is_true(condition(status, "Complete")) or is_true(condition(status, "Stalled"))
    if status.observed_generation >= stored["metadata"]["generation"]:
        return done
    # The operator may not have seen yet that this generation only steers, and has nothing new to run.
    return done and status.run is not None and status.run.spec_hash == _spec_hash(resource, stored["spec"])


def _spec_hash(resource: Resource, spec: Any) -> str:
    """What the operator will take a stored spec for; empty if that is invalid."""
    try:
        return READERS[resource](spec).spec_hash
    except InvalidSpec:
        return ""


def _says_the_same(trial: Trial, stored: Any) -> bool:
    """Whether the stored spec is the file's.

    Lists of named entries merge on the server's side: what another field manager once put into one stays there. A
    verdict on such a mixture would not be one on the file.
    """
    try:
        merged = READERS[trial.resource](stored)
    except InvalidSpec:
        return False
    return merged.model_copy(update={"run": trial.spec.run}) == trial.spec


async def _replace(cluster: Cluster, trial: Trial, stored: Object) -> Object:
    spec = {**trial.body["spec"], **({"run": stored["spec"]["run"]} if stored["spec"].get("run") else {})}
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": stored["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec", "value": spec},
    ]
    return await cluster.patch_json(trial.resource, trial.name, stored["metadata"]["namespace"], operations)
