"""One of each that the tests look at."""

from typing import Any

from seatrial.api.environment import Service
from seatrial.api.load import LoadSpec
from seatrial.api.step import Job
from seatrial.build.deployment import deployment
from seatrial.build.job import job
from seatrial.build.load_job import load_job
from seatrial.build.origin import Origin

Object = dict[str, Any]

ORIGIN = Origin("TestScenario", "shop", "checkout", "0b5c2f1e-6a4f-4a07-9d57-0f6f3c1f4d11", "3")


def web(**fields: Any) -> Service:
    return Service.model_validate({"name": "web", "image": "web:1"} | fields)


def load_spec(**fields: Any) -> LoadSpec:
    return LoadSpec.model_validate({"target": {"service": "web"}, "profile": {"users": 9, "duration": "2m"}} | fields)


def load(spec: LoadSpec, **more: Any) -> Object:
    fixed = {"target": "web:80", "image": "seatrial:1", "pull_policy": ""}
    return load_job(ORIGIN, "step-peak", "trial", "peak", spec, **(fixed | more))


def pod(body: Object) -> Object:
    """The pod that a Deployment or Job makes."""
    spec: Object = body["spec"]["template"]["spec"]
    return spec


def container(body: Object) -> Object:
    """Its one container."""
    (only,) = pod(body)["containers"]
    found: Object = only
    return found


def workloads(*, security: str = "Baseline") -> list[Object]:
    """One of everything that runs containers."""
    step = Job.model_validate({"image": "seed:1", "podSecurity": security})
    return [
        deployment(ORIGIN, "trial", web(podSecurity=security)),
        job(ORIGIN, "trial", "seed", step, 600),
        load(load_spec()),
    ]
