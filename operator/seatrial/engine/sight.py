"""From Kubernetes' objects to what plans are made from."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from seatrial.api import names, parcel
from seatrial.api.outcome import shortened
from seatrial.api.provenance import is_environment
from seatrial.api.timestamp import moment
from seatrial.plan.observed import DeploymentSeen, JobSeen, NamespaceSeen, ObjectSeen, PodSeen, Remark

Object = dict[str, Any]

#: Why a pod itself was taken away, by the reason of its condition DisruptionTarget (KEP-3329).
_DISRUPTIONS = {
    "PreemptionByScheduler": "Preempted",
    "DeletionByTaintManager": "NodeLost",
    "EvictionByEvictionAPI": "Evicted",
    "DeletionByPodGC": "NodeLost",
    "TerminationByKubelet": "Evicted",
}


def see_namespace(body: Object, uid: str) -> NamespaceSeen:
    """Reads a namespace.

    Args:
        body: The object.
        uid: UID of the resource that it should belong to.
    """
    metadata, status = body["metadata"], body.get("status") or {}
    remarks = [
        Remark(
            condition["type"],
            moment(condition.get("lastTransitionTime") or metadata["creationTimestamp"]),
            shortened(condition.get("message", ""), 400),
        )
        for condition in status.get("conditions") or []
        if condition.get("status") == "True" and condition.get("type", "").startswith("Namespace")
    ]
    return NamespaceSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        ours=is_environment(metadata) and metadata["labels"][names.OWNER_UID] == uid,
        terminating=bool(metadata.get("deletionTimestamp")),
        remarks=tuple(remarks),
        record="namespace" in metadata,
    )


def see_object(kind: str, body: Object, home: str) -> ObjectSeen:
    """Reads any object of a run, as far as taking it away is concerned.

    Args:
        kind: Its kind.
        body: The object.
        home: The resource's own namespace.
    """
    metadata = body["metadata"]
    return ObjectSeen(
        kind=kind,
        name=metadata["name"],
        beside=metadata.get("namespace") == home,
        deleting_since=_deleting_since(metadata),
        finalizers=tuple(metadata.get("finalizers", ())),
    )


def see_deployment(body: Object) -> DeploymentSeen:
    """Reads a Deployment or StatefulSet."""
    status = body.get("status") or {}
    refused = _condition(status, "ReplicaFailure")
    return DeploymentSeen(
        current=status.get("observedGeneration", 0) >= body["metadata"].get("generation", 1),
        ready=status.get("availableReplicas", 0),
        refusal=refused.get("message", "") if refused else "",
    )


def see_job(body: Object, unstarted: Mapping[str, str] | None = None) -> JobSeen:
    """Reads a Job.

    Args:
        body: The object.
        unstarted: Why Jobs have no pods, by UID: that is in their events only.
    """
    status = body.get("status") or {}
    failed = _condition(status, "Failed") or _condition(status, "FailureTarget")
    return JobSeen(
        complete=_condition(status, "Complete") is not None,
        failed=failed is not None,
        reason=failed.get("reason", "") if failed else "",
        message=failed.get("message", "") if failed else "",
        run=body.get("metadata", {}).get("labels", {}).get(names.RUN, ""),
        refusal=(unstarted or {}).get(body.get("metadata", {}).get("uid", ""), ""),
    )


def see_pod(body: Object) -> PodSeen:
    """Reads a pod, which has one container, and perhaps an init container before it.

    Sidecars of ours beside it are no evidence of anything.
    """
    metadata, status = body["metadata"], body.get("status") or {}
    labels = metadata.get("labels", {})
    init = _unfinished_init(status)
    container: Object = init or _main_container(status)
    state, last = container.get("state", {}), container.get("lastState", {})
    waiting, ended, before = state.get("waiting", {}), state.get("terminated"), last.get("terminated", {})
    waiting = _held_up(status) or waiting
    index = labels.get("batch.kubernetes.io/job-completion-index")
    unscheduled = _condition(status, "PodScheduled", "False")
    return PodSeen(
        name=metadata["name"],
        owner=labels.get(names.SERVICE) or attempt_of(labels),
        kind="service" if names.SERVICE in labels else "step" if names.STEP in labels else "",
        index=int(index) if index is not None else None,
        created=moment(metadata["creationTimestamp"]),
        running="running" in state and init is None,
        ready=_condition(status, "Ready") is not None,
        waiting=waiting.get("reason", ""),
        waiting_message=shortened(waiting.get("message", "") or (ended or {}).get("message", "")),
        exit_code=ended.get("exitCode") if ended else None,
        ended_reason=ended.get("reason", "") if ended else "",
        last_exit_code=before.get("exitCode"),
        last_ended_reason=before.get("reason", ""),
        restarts=container.get("restartCount", 0),
        disruption=_disruption(status),
        unschedulable=unscheduled.get("message", "") if unscheduled else "",
        deleting_since=_deleting_since(metadata),
        finalizers=tuple(metadata.get("finalizers", ())),
        node=(body.get("spec") or {}).get("nodeName", ""),
        init=init is not None,
        container=container.get("name", ""),
        ended_at=moment(ended["finishedAt"]) if ended and ended.get("finishedAt") else None,
        begins=_begins(metadata),
        hands_over=any(one.get("name") == parcel.CONTAINER for one in status.get("initContainerStatuses") or []),
    )


def _main_container(status: Object) -> Object:
    """The container that a pod is about: there is one, whatever else an admission webhook has put beside it."""
    found = status.get("containerStatuses") or []
    ours = [container for container in found if container.get("name") != parcel.CONTAINER]
    return next(iter(ours), {})


def _held_up(status: Object) -> Object | None:
    """Why a container that comes before the main one does not start, if one waits for more than its turn."""
    for container in status.get("initContainerStatuses") or []:
        waiting: Object | None = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in {None, "", "PodInitializing"}:
            return waiting
    return None


def attempt_of(labels: Mapping[str, str], step: str = "") -> str:
    """Name of the attempt at a step that an object was made for.

    Args:
        labels: The object's labels.
        step: What the step is called if they do not say.
    """
    return names.attempt(labels.get(names.STEP, step), int(labels.get(names.ATTEMPT, "1")))


def see_true_conditions(body: Object) -> frozenset[str]:
    """Reads the types of an object's conditions that are True."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return frozenset(condition.get("type", "") for condition in conditions if condition.get("status") == "True")


def _unfinished_init(status: Object) -> Object | None:
    """The init container, as long as it has not ended well."""
    for container in status.get("initContainerStatuses") or []:
        ended = container.get("state", {}).get("terminated", {})
        if container.get("name") != parcel.CONTAINER and ended.get("exitCode") != 0:
            found: Object = container
            return found
    return None


def _disruption(status: Object) -> str:
    disrupted = _condition(status, "DisruptionTarget")
    if disrupted:
        return _DISRUPTIONS.get(disrupted.get("reason", ""), "Disrupted")
    # Evictions by the kubelet before Kubernetes 1.26, shutdowns of nodes, and kubelets that refuse a pod (OutOfcpu) say
    # so in the pod's own reason. Its deadline is the Job's doing, which says so itself.
    reason: str = status.get("reason", "")
    return "" if reason == "DeadlineExceeded" else reason


def _condition(status: Object, kind: str, value: str = "True") -> Object | None:
    for condition in status.get("conditions") or []:
        if condition.get("type") == kind and condition.get("status") == value:
            found: Object = condition
            return found
    return None


def _begins(metadata: Object) -> datetime | None:
    """When a worker begins; what somebody else has written there is none of ours."""
    with suppress(ValueError):
        return moment((metadata.get("annotations") or {}).get(names.START, "")).astimezone(UTC)
    return None


def _deleting_since(metadata: Object) -> datetime | None:
    """When deletion was asked for: its timestamp is when the grace period ends."""
    text = metadata.get("deletionTimestamp")
    if not text:
        return None
    return datetime.now(UTC) if text == "now" else moment(text)
