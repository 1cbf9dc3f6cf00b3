"""Performs the writes that a plan decided on. Each is create-or-adopt or delete-if-there, so repeating is harmless."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from seatrial.api import names
from seatrial.api.captures import lost_message, reads_captures, secret_env
from seatrial.api.expansion import Instance, expanded
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.provenance import is_environment, is_recorded
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.step import Job
from seatrial.api.template import expressions
from seatrial.build.copies import with_pull_secrets
from seatrial.build.environment import guards, namespace
from seatrial.build.files import files_config_map
from seatrial.build.job import job, job_name
from seatrial.build.load_job import load_job
from seatrial.build.origin import Origin
from seatrial.build.record import record
from seatrial.build.secret import job_secret
from seatrial.build.service_objects import service_objects
from seatrial.build.sidecar import attach
from seatrial.engine.destination import Destinations
from seatrial.engine.inputs import Inputs
from seatrial.engine.refusal import Refused as Refused
from seatrial.engine.removal import Removal
from seatrial.engine.settings import Settings
from seatrial.engine.stage import Stage
from seatrial.engine.starting import Starting
from seatrial.engine.store import Store
from seatrial.engine.target import TargetError, Targets
from seatrial.judge.job import JobUnusable
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict
from seatrial.kube.resources import (
    BESIDE,
    BY_KIND,
    CONTROLLER_REVISIONS,
)
from seatrial.plan.decision import (
    Action,
    BeginLoad,
    CopyInputs,
    CreateEnvironment,
    StartJob,
    StartLoad,
    StartService,
)
from seatrial.plan.quota import by_cluster
from seatrial.sandbox.evaluator import Evaluator
from seatrial.sandbox.pool import Owner, Pool

logger = logging.getLogger(__name__)

Object = dict[str, Any]

#: Kinds that plans go by.
_REMEMBERED = frozenset({"Namespace", *(resource.kind for resource in BESIDE)})
#: Kinds that are adopted without a look at them, because that would need the right to read them everywhere. The
#: environment's namespace is ours, and all names in it that are not copies' begin with our prefix; beside the resource,
#: their names end with a digest of the run.
_UNREAD = frozenset({"Secret", "ConfigMap"})


class OverQuota(Refused):
    """A quota of the namespace has no room for an object now."""


class Performer:
    """Performs actions.

    Args:
        client: Writes to the API server.
        store: Learns at once what was written.
        settings: The operator's settings.
        pool: Evaluates what users wrote.
        audit: Told of every object made and deleted.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        pool: Pool,
        audit: Callable[[Origin, str, str, str], None],
    ) -> None:
        self._client = client
        self._pool = pool
        self._targets = Targets(client, settings.allowed_targets)
        self._destinations = Destinations(client, self._targets)
        self._store = store
        self._settings = settings
        self._audit = audit
        self._inputs = Inputs(client, settings)
        self._starting = Starting(client, store)
        self._removal = Removal(client, store, audit)

    async def perform(self, action: Action, stage: Stage) -> None:
        """Performs one action.

        Raises:
            OverQuota: A quota has no room for it now.
            Refused: The API server will not have it, however often it is asked.
            KubeError: It may succeed later.
        """
        match action:
            case CreateEnvironment():
                await self._create_environment(stage)
            case CopyInputs():
                await self._copy_inputs(stage)
            case StartService(service=name):
                await self._start_service(stage, name)
            case StartJob(step=name, attempt=attempt):
                await self._start_job(stage, name, attempt)
            case StartLoad(step=name, attempt=attempt):
                await self._start_load(stage, name, attempt)
            case BeginLoad():
                await self._starting.perform(action, stage.origin, stage.namespace)
            case _:
                await self._removal.perform(action, stage.origin, stage.namespace)

    async def _create_environment(self, stage: Stage) -> None:
        assert isinstance(stage.spec, TestScenarioSpec)  # noqa: S101 - LoadTests plan no environment
        spec = stage.spec.model_dump_json(by_alias=True, exclude_unset=True)
        if stage.namespace == stage.origin.namespace:
            await self._create(stage, record(stage.origin, spec))
            return
        await self._create(stage, namespace(stage.origin, stage.namespace, spec))
        outside = await self._outside(stage, stage.spec)
        services = stage.spec.environment.services
        for guard in guards(stage.origin, stage.namespace, self._settings.namespace, services, outside):
            await self._create(stage, guard)

    async def _outside(self, stage: Stage, spec: TestScenarioSpec) -> list[tuple[str, Mapping[str, str]]]:
        """Where pods of existing services are. One that cannot be used is not let out to; provisioning says why."""
        found: list[tuple[str, Mapping[str, str]]] = []
        for service in spec.environment.services:
            if service.existing:
                with suppress(TargetError):
                    target = await self._targets.find(service.existing, stage.origin.namespace)
                    found.append((target.namespace, target.selector))
        return found

    async def _copy_inputs(self, stage: Stage) -> None:
        assert isinstance(stage.spec, TestScenarioSpec)  # noqa: S101 - LoadTests plan no environment
        for copy in await self._inputs.copies(stage.origin, stage.namespace, stage.spec.environment):
            await self._create(stage, copy)

    async def _start_service(self, stage: Stage, name: str) -> None:
        assert isinstance(stage.spec, TestScenarioSpec)  # noqa: S101 - LoadTests plan no services
        wanted = next(entry for entry in stage.spec.environment.services if entry.name == name)
        deadline = stage.spec.timeouts.provision.total_seconds()
        *first, workload = service_objects(stage.origin, stage.namespace, wanted, deadline)
        for body in first:
            await self._create(stage, body)
        await self._create(stage, with_pull_secrets(workload, _pull_secrets(stage)))

    async def _start_job(self, stage: Stage, name: str, attempt: int) -> None:
        assert isinstance(stage.spec, TestScenarioSpec)  # noqa: S101 - LoadTests plan no Jobs of steps
        sequences = {entry.name: entry for entry in (*stage.spec.setup, *stage.spec.teardown)}
        if name in sequences:
            spec, limit = sequences[name].job, sequences[name].timeout.total_seconds()
        else:
            instance = _instance(stage.spec, name)
            assert instance.step.job is not None  # noqa: S101 - only steps with a job are planned as one
            spec, limit = instance.step.job, instance.step.time_limit
            stage = replace(stage, context=stage.context | instance.variables)
        rendered = await self._rendered(spec, stage)
        hidden = secret_env(spec, stage.secrets)
        if hidden:
            values = {variable.name: variable.value or "" for variable in rendered.env if variable.name in hidden}
            await self._create(stage, job_secret(stage.origin, stage.namespace, name, values))
        built = job(stage.origin, stage.namespace, name, rendered, limit, attempt=attempt, secret_env=hidden)
        settings = self._settings
        attach(built["spec"]["template"], rendered, image=settings.worker_image, pull_policy=settings.pull_policy)
        if rendered.files:
            title = built["metadata"]["name"]
            await self._create(stage, files_config_map(stage.origin, stage.namespace, title, rendered.files, step=name))
        await self._create(stage, with_pull_secrets(built, _pull_secrets(stage)))

    async def _rendered(self, spec: Job, stage: Stage) -> Job:
        if lost := reads_captures(expressions(spec.to_kubernetes())) & stage.lost:
            raise Refused(lost_message(lost))
        try:
            return await Evaluator(self._pool, Owner(stage.origin.namespace, stage.origin.uid)).job(spec, stage.context)
        except JobUnusable as error:
            raise Refused(str(error), error.reason) from error

    async def _start_load(self, stage: Stage, name: str, attempt: int) -> None:
        if isinstance(stage.spec, LoadTestSpec):
            load: LoadSpec = stage.spec
            job_title = names.load_job(stage.origin.name, stage.origin.uid, stage.origin.run)
            run_spec = load.model_dump_json(by_alias=True, exclude_unset=True)
        else:
            assert stage.spec is not None  # noqa: S101 - nothing starts without a spec
            step = _instance(stage.spec, name).step
            assert step.load is not None  # noqa: S101 - only steps with load are planned as one
            load, run_spec = step.load, ""
            job_title = stage.origin.title(job_name(name, attempt), stage.namespace)
        if refusal := self._settings.placement.refusal(load.placement):
            raise Refused(refusal, "PlacementNotAllowed")
        image = self._settings.engine_images.get(load.engine, self._settings.worker_image)
        services = stage.spec.environment.services if isinstance(stage.spec, TestScenarioSpec) else []
        target = await self._destinations.find(load.target, stage.namespace, stage.origin.namespace, services)
        built = load_job(
            stage.origin,
            job_title,
            stage.namespace,
            name,
            load,
            target=target,
            image=image,
            pull_policy=self._settings.pull_policy,
            run_spec=run_spec,
            attempt=attempt,
        )
        await self._create(stage, with_pull_secrets(built, _pull_secrets(stage)))

    async def _create(self, stage: Stage, body: Object) -> None:
        """Creates an object, or adopts it if an earlier life of this operator created it."""
        kind, metadata = body["kind"], body["metadata"]
        resource, where = BY_KIND[kind], metadata.get("namespace")
        title = f"{kind} {metadata['name']}"
        if kind in _UNREAD and where == stage.origin.namespace:
            body = self._collected_with_record(stage, body)
        try:
            stored = await self._client.create(resource, body, where)
            self._audit(stage.origin, "created", kind, "/".join(filter(None, (where, metadata["name"]))))
        except Conflict as error:
            if error.reason != "AlreadyExists":
                if error.status == 409:
                    raise  # writers of the namespace's quota got into each other's way (kubernetes#67761)
                raise Refused(f"{title}: {error.message}") from error
            if kind in _UNREAD:
                return
            stored = await self._client.get(resource, metadata["name"], where)
            if not _of_run(kind, stored, stage.origin):
                taken = f"{title} exists already and is not of this run"
                raise Refused(taken, "NameTaken" if where == stage.origin.namespace else "Refused") from error
        except ApiError as error:
            if error.transient or error.status == 401:
                raise
            if error.status == 403 and by_cluster(error.message):
                raise OverQuota(f"{title} was refused: {error.message}") from error
            raise Refused(f"{title} was refused: {error.message}") from error
        if kind in _REMEMBERED:
            self._store.put(kind, stored)

    def _collected_with_record(self, stage: Stage, body: Object) -> Object:
        """Has the cluster take away, with the run's record, what may be written but not read beside the resource."""
        kept = self._store.objects(stage.origin.uid, CONTROLLER_REVISIONS.kind, stage.origin.run)
        record_ = next((entry for entry in kept if is_environment(entry["metadata"])), None)
        if record_ is None:
            raise Refused("the record of the run is gone")
        metadata = record_["metadata"]
        reference = {"apiVersion": CONTROLLER_REVISIONS.api_version, "kind": CONTROLLER_REVISIONS.kind}
        reference |= {"name": metadata["name"], "uid": metadata["uid"]}
        return body | {"metadata": body["metadata"] | {"ownerReferences": [reference]}}


def _of_run(kind: str, stored: Object, origin: Origin) -> bool:
    """Whether an object that is there already was made for the run, by an operator that was killed right after."""
    labels = stored["metadata"].get("labels") or {}
    if (labels.get(names.OWNER_UID), labels.get(names.RUN)) != (origin.uid, origin.run):
        return False
    return kind != "Namespace" or is_recorded(stored["metadata"])


def _instance(spec: TestScenarioSpec, name: str) -> Instance:
    return next(instance for instance in expanded(spec.steps) if instance.name == name)


def _pull_secrets(stage: Stage) -> list[str]:
    return stage.spec.environment.image_pull_secrets if isinstance(stage.spec, TestScenarioSpec) else []
