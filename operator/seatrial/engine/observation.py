"""From what watches and this process know of a run to what its plan goes by."""

from collections.abc import Collection
from typing import Any

from seatrial.api import names
from seatrial.api.provenance import is_collected, is_environment, is_ours
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.wait import WaitFor
from seatrial.engine.key import Key
from seatrial.engine.session import Session
from seatrial.engine.sight import (
    attempt_of,
    see_deployment,
    see_job,
    see_namespace,
    see_object,
    see_pod,
    see_true_conditions,
)
from seatrial.engine.store import Store
from seatrial.kube.resources import BESIDE, CONTROLLER_REVISIONS
from seatrial.plan.loadtest import STEP
from seatrial.plan.observed import Observed

Object = dict[str, Any]


class Observation:
    """Sees runs.

    Args:
        store: Has the objects of runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def observe(
        self, key: Key, uid: str, session: Session, run: str | None, waited_for: Collection[WaitFor] = ()
    ) -> Observed:
        """Gathers what is known of the run under way; without one, of anything that an earlier one has left.

        Args:
            key: The resource.
            uid: Its UID.
            session: What this process knows of the run.
            run: Name of the run.
            waited_for: What its steps wait for.
        """
        namespaces = [
            see_namespace(body, uid)
            for kind in ("Namespace", CONTROLLER_REVISIONS.kind)
            for body in self._store.objects(uid, kind, run)
            if is_environment(body["metadata"])
        ]
        jobs = self._living(uid, "Job", run)
        return Observed(
            namespace=next(iter(namespaces), None),
            deployments={
                body["metadata"]["labels"].get(names.SERVICE, ""): see_deployment(body)
                for kind in ("Deployment", "StatefulSet")
                for body in self._living(uid, kind, run)
            },
            completions={
                body["metadata"]["labels"][names.SERVICE]: see_job(body) for body in jobs if _is_service(body)
            },
            jobs={_attempt(body): see_job(body, session.unstarted) for body in jobs if not _is_service(body)},
            pods=tuple(see_pod(body) for body in self._store.objects(uid, "Pod", run)),
            probes=session.probes,
            checking=session.checking(),
            conditions=session.conditions,
            outcomes=session.outcomes,
            loads={attempt: lines.seen() for attempt, lines in session.loads.items()},
            secrets=session.secrets,
            refusals=session.refusals,
            held=dict(session.held),
            tails=session.tails,
            files=session.files,
            report=session.report,
            baseline=session.baseline,
            refusal_reasons=session.refusal_reasons,
            objects=tuple(
                see_object(kind, body, key.namespace)
                for kind in ("Pod", *(resource.kind for resource in BESIDE))
                for body in self._store.objects(uid, kind, run)
                if is_ours(kind, body["metadata"]) and not is_collected(body["metadata"])
            ),
            undeleted=session.undeleted,
            true_conditions={
                (wanted.kind, wanted.name): see_true_conditions(body)
                for wanted in waited_for
                for body in self._living(uid, wanted.kind, run)
                if body["metadata"]["name"] == wanted.name
            },
        )

    def _living(self, uid: str, kind: str, run: str | None) -> list[Object]:
        """Objects whose deletion has not been asked for."""
        return [body for body in self._store.objects(uid, kind, run) if not body["metadata"].get("deletionTimestamp")]


def waited_for(spec: TestScenarioSpec | None) -> list[WaitFor]:
    """The objects that steps wait for."""
    return [step.wait.for_ for step in spec.steps if step.wait and step.wait.for_] if spec else []


def _attempt(job: Object) -> str:
    return attempt_of(job["metadata"]["labels"], STEP)


def _is_service(body: Object) -> bool:
    return names.SERVICE in body["metadata"]["labels"]
