"""What it means for a person when the API server refuses, or does not answer."""

from seatrial.cli.exits import Exit
from seatrial.kube.errors import ApiError, KubeError, NotFound, Unreachable
from seatrial.kube.resources import Resource

_NOT_INSTALLED = (
    "Seatrial is not installed in this cluster (it does not know {plural}.{group}/{version}): install it with "
    "`helm install seatrial charts/seatrial --namespace seatrial-system --create-namespace`"
)


def explain(error: KubeError, resource: Resource, namespace: str) -> str:
    """Says what is wrong and what to do about it.

    Args:
        error: What happened.
        resource: The kind that was asked for.
        namespace: Where.
    """
    match error:
        case Unreachable():
            return (
                f"the cluster cannot be reached: {error}. Is it up, and is the context right (`kubectl cluster-info`)?"
            )
        case NotFound() if "namespaces" in error.message:
            return f"there is no namespace {namespace}: create it with `kubectl create namespace {namespace}`"
        case NotFound():
            return _NOT_INSTALLED.format(plural=resource.plural, group=resource.group, version=resource.version)
        case ApiError(status=401):
            return f"the cluster does not know you: {error.message or 'Unauthorized'}. Log in again."
        case ApiError(status=403):
            return _forbidden(error, resource, namespace)
        case ApiError() if error.transient:
            return f"the API server cannot serve this now: {error}. Try again a little later."
        case ApiError():
            return f"the API server refuses {resource.kind}: {error.message or error}"
        case _:
            return str(error)


def exit_for(error: KubeError) -> Exit:
    """Invalid where the API server finds fault with the manifest, otherwise Error: it could not be tested."""
    faulty = isinstance(error, ApiError) and error.status in {400, 422}
    return Exit.INVALID if faulty else Exit.ERROR


def _forbidden(error: ApiError, resource: Resource, namespace: str) -> str:
    return (
        f"you lack a permission: {error.message}. `seatrial run` needs get, watch, create and patch (with --rm also "
        f"delete) on {resource.plural}.{resource.group} in namespace {namespace}"
    )
