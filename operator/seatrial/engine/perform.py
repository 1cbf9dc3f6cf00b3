"""Performs the writes that a plan decided on. Each is create-or-adopt or delete-if-there, so repeating is harmless."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from seatrial.api import names
from seatrial.api.cel import EvaluationError, Scope, axes_in, captures_in, template_scope
from seatrial.api.expansion import Instance, expanded
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.step import Job
from seatrial.api.template import render
from seatrial.build.copies import with_pull_secrets
from seatrial.build.environment import guards, namespace
from seatrial.build.files import files_config_map
from seatrial.build.job import job, job_name
from seatrial.build.load_job import load_job
from seatrial.build.origin import Origin
from seatrial.build.service_objects import service_objects
from seatrial.build.sidecar import attach
from seatrial.engine.inputs import Inputs
from seatrial.engine.refusal import Refused as Refused
from seatrial.engine.settings import Settings
from seatrial.engine.store import Store
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, Conflict, NotFound
from seatrial.kube.resources import BY_KIND, JOBS, NAMESPACES, SERVICES, WORKLOADS, Resource
from seatrial.plan.decision import (
    Action,
    CopyInputs,
    CreateEnvironment,
    DeleteNamespace,
    StartJob,
    StartLoad,
    StartService,
    StopAttempt,
    StopServices,
    StopWorkloads,
)

logger = logging.getLogger(__name__)

Object = dict[str, Any]

#: Kinds that plans go by.
_REMEMBERED = frozenset({"Namespace", *(resource.kind for resource in WORKLOADS)})
#: Kinds that are adopted without a look at them, because that would need the right to read them everywhere. The
#: environment's namespace is ours, and all names in it that are not copies' begin with our prefix.
_UNREAD = frozenset({"Secret", "ConfigMap"})


@dataclass(frozen=True)
class Stage:
    """Where and for what writes are made.

    Attributes:
        origin: The resource and the run.
        namespace: Where the run's objects live.
        spec: The run's spec; None if it is not on record any more, and things can only be taken away.
        context: Values of ``run.id`` and ``captures.NAME``.
    """

    origin: Origin
    namespace: str
    spec: TestScenarioSpec | LoadTestSpec | None
    context: dict[str, Any]


class Performer:
    """Performs actions.

    Args:
        client: Writes to the API server.
        store: Learns at once what was written.
        settings: The operator's settings.
        audit: Told of every object made and deleted.
    """

    def __init__(
        self, client: Client, store: Store, settings: Settings, audit: Callable[[Origin, str, str, str], None]
    ) -> None:
        self._client = client
        self._store = store
        self._settings = settings
        self._audit = audit
        self._inputs = Inputs(client, settings)

    async def perform(self, action: Action, stage: Stage) -> None:
        """Performs one action.

        Raises:
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
            case StopAttempt(step=name, attempt=attempt):
                await self._stop_attempt(stage, name, attempt)
            case StopServices(services=services):
                await self._stop_services(stage, services)
            case StopWorkloads():
                await self._stop_workloads(stage)
            case DeleteNamespace(uid=uid):
                await self._delete_namespace(stage, uid)
            case _:
                raise TypeError(f"nobody performs {action}")

    async def _create_environment(self, stage: Stage) -> None:
        assert isinstance(stage.spec, TestScenarioSpec)  # noqa: S101 - LoadTests plan no environment
        spec = stage.spec.model_dump_json(by_alias=True, exclude_unset=True)
        await self._create(stage, namespace(stage.origin, stage.namespace, spec))
        services = stage.spec.environment.services
        for guard in guards(stage.origin, stage.namespace, self._settings.namespace, services):
            await self._create(stage, guard)

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
            rendered = _rendered_job(spec, stage.context)
        else:
            instance = _instance(stage.spec, name)
            assert instance.step.job is not None  # noqa: S101 - only steps with a job are planned as one
            rendered = _rendered_job(instance.step.job, stage.context | instance.variables)
            limit = instance.step.time_limit
        built = job(stage.origin, stage.namespace, name, rendered, limit, attempt)
        settings = self._settings
        attach(built["spec"]["template"], rendered, image=settings.worker_image, pull_policy=settings.pull_policy)
        if rendered.files:
            title = built["metadata"]["name"]
            await self._create(stage, files_config_map(stage.origin, stage.namespace, title, rendered.files, step=name))
        await self._create(stage, with_pull_secrets(built, _pull_secrets(stage)))

    async def _start_load(self, stage: Stage, name: str, attempt: int) -> None:
        if isinstance(stage.spec, LoadTestSpec):
            load: LoadSpec = stage.spec
            job_title = names.load_job(stage.origin.name, stage.origin.uid, stage.origin.run)
            run_spec = load.model_dump_json(by_alias=True, exclude_unset=True)
        else:
            assert stage.spec is not None  # noqa: S101 - nothing starts without a spec
            step = _instance(stage.spec, name).step
            assert step.load is not None  # noqa: S101 - only steps with load are planned as one
            load, job_title, run_spec = step.load, job_name(name, attempt), ""
        target = await self._target(stage.namespace, load)
        built = load_job(
            stage.origin,
            job_title,
            stage.namespace,
            name,
            load,
            target=target,
            image=self._settings.worker_image,
            pull_policy=self._settings.pull_policy,
            run_spec=run_spec,
            attempt=attempt,
        )
        await self._create(stage, with_pull_secrets(built, _pull_secrets(stage)))

    async def _stop_attempt(self, stage: Stage, name: str, attempt: int) -> None:
        for body in self._store.objects(stage.origin.uid, "Job", stage.origin.run):
            metadata = body["metadata"]
            if metadata["name"] == job_name(name, attempt) and not metadata.get("deletionTimestamp"):
                await self._delete(stage, JOBS, body)

    async def _target(self, namespace_name: str, load: LoadSpec) -> str:
        """Finds the Service's port by its name; workers resolve the Service's own name in their namespace."""
        name, port = load.target.service, load.target.port
        try:
            body = await self._client.get(SERVICES, name, namespace_name)
        except NotFound as error:
            raise Refused(f"target.service: there is no Service {name} in namespace {namespace_name}") from error
        ports = body["spec"].get("ports") or []
        chosen = [entry for entry in ports if port in (None, entry.get("name"))]
        if not chosen or (port is None and len(ports) > 1):
            there = ", ".join(str(entry.get("name") or entry["port"]) for entry in ports)
            raise Refused(f"target.port: Service {name} has the ports {there}: name one of them")
        return f"{name}:{chosen[0]['port']}"

    async def _stop_workloads(self, stage: Stage) -> None:
        """Deletes what makes pods; in the operator's own namespaces all at once, elsewhere by name and UID."""
        for resource in WORKLOADS:
            for body in self._store.objects(stage.origin.uid, resource.kind):
                if not body["metadata"].get("deletionTimestamp"):
                    await self._delete(stage, resource, body)

    async def _stop_services(self, stage: Stage, services: tuple[str, ...]) -> None:
        """Deletes the workloads of some services, and the Jobs of steps, which may use any of them."""
        for resource in WORKLOADS:
            for body in self._store.objects(stage.origin.uid, resource.kind):
                metadata = body["metadata"]
                service = metadata["labels"].get(names.SERVICE)
                if service in (None, *services) and not metadata.get("deletionTimestamp"):
                    await self._delete(stage, resource, body)

    async def _delete_namespace(self, stage: Stage, uid: str) -> None:
        for body in self._store.objects(stage.origin.uid, "Namespace"):
            if body["metadata"]["uid"] == uid and not body["metadata"].get("deletionTimestamp"):
                await self._delete(stage, NAMESPACES, body)

    async def _delete(self, stage: Stage, resource: Resource, body: Object) -> None:
        """Deletes an object; one that is gone already, or is another one now, is forgotten."""
        name, where = body["metadata"]["name"], body["metadata"].get("namespace")
        title = "/".join(filter(None, (where, name)))
        try:
            await self._client.delete(resource, name, where, uid=body["metadata"]["uid"])
        except NotFound:
            logger.debug("%s %s is gone already", resource.kind, title)
            self._store.drop(resource.kind, body)
        except Conflict:
            logger.warning("%s %s is another object now than the one we made; it is left alone", resource.kind, title)
            self._store.drop(resource.kind, body)
        else:
            self._store.mark_deleting(resource.kind, body)
            self._audit(stage.origin, "deleted", resource.kind, title)

    async def _create(self, stage: Stage, body: Object) -> None:
        """Creates an object, or adopts it if an earlier life of this operator created it."""
        kind, metadata = body["kind"], body["metadata"]
        resource, where = BY_KIND[kind], metadata.get("namespace")
        title = f"{kind} {metadata['name']}"
        try:
            stored = await self._client.create(resource, body, where)
            self._audit(stage.origin, "created", kind, "/".join(filter(None, (where, metadata["name"]))))
        except Conflict as error:
            if error.reason != "AlreadyExists":
                if error.status == 409:
                    raise  # writers of the namespace's quota got into each other's way (kubernetes#67761)
                raise Refused(f"{title}: {error.message}") from error
            if kind in _UNREAD and where != stage.origin.namespace:
                return
            stored = await self._client.get(resource, metadata["name"], where)
            if stored["metadata"].get("labels", {}).get(names.OWNER_UID) != stage.origin.uid:
                raise Refused(f"{title} exists already and is not of this run") from error
        except ApiError as error:
            if error.transient or error.status == 401:
                raise
            raise Refused(f"{title} was refused: {error.message}") from error
        if kind in _REMEMBERED:
            self._store.put(kind, stored)


def _instance(spec: TestScenarioSpec, name: str) -> Instance:
    return next(instance for instance in expanded(spec.steps) if instance.name == name)


def _pull_secrets(stage: Stage) -> list[str]:
    return stage.spec.environment.image_pull_secrets if isinstance(stage.spec, TestScenarioSpec) else []


def _rendered_job(spec: Job, context: dict[str, Any]) -> Job:
    """Puts values in the place of ``${…}``.

    Raises:
        Refused: An expression has no value, or what comes out is no Job any more.
    """
    scope = template_scope(captures_in(context), axes_in(context))
    try:
        return Job.model_validate(_rendered(spec.to_kubernetes(), scope, context))
    except EvaluationError as error:
        raise Refused(f"an expression of the job has no value: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise Refused(f"job.{field}: with the captured values in it: {first['msg']}") from error


def _rendered(value: Any, scope: Scope, context: dict[str, Any]) -> Any:
    """Renders every text; unlike in a request's JSON, all stay text, which is what environment variables are."""
    match value:
        case str():
            return render(value, scope, context)
        case dict():
            return {key: _rendered(entry, scope, context) for key, entry in value.items()}
        case list():
            return [_rendered(entry, scope, context) for entry in value]
        case _:
            return value
