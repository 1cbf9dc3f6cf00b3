"""Which cluster to talk to, and as whom."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import incluster_config, kube_config
from kubernetes.aio.config.config_exception import ConfigException

from seatrial.kube.client import Client
from seatrial.kube.errors import KubeError


@asynccontextmanager
async def connect(context: str | None = None, kubeconfig: str | None = None) -> AsyncIterator[Client]:
    """Connects with a service account when in a cluster, else with a kubeconfig.

    Args:
        context: Name of a context; None takes the current one.
        kubeconfig: Path of the file; None follows KUBECONFIG and then ``~/.kube/config``.

    Raises:
        KubeError: Neither is there, or the context does not exist.
    """
    configuration = Configuration()
    # No limit: each worker's log that is followed holds a connection, and with the default of 100 a single LoadTest
    # could keep every other call waiting.
    configuration.connection_pool_maxsize = 0
    namespace = "default"
    try:
        if context is None and kubeconfig is None and _in_cluster():
            incluster_config.load_incluster_config(client_configuration=configuration)
        else:
            await kube_config.load_kube_config(
                config_file=kubeconfig, context=context, client_configuration=configuration
            )
            namespace = _namespace_of(context, kubeconfig)
    except (ConfigException, OSError) as error:
        raise KubeError(f"cannot tell which cluster to use: {error}") from error
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
        # The package looks into the file without looking at what it holds.
        raise KubeError(f"cannot tell which cluster to use: the kubeconfig is damaged: {error}") from error
    # Left to itself, aiohttp looks for a proxy and for a password in ~/.netrc before every request, each in a thread.
    configuration.client_session_kwargs = {"trust_env": False}
    configuration.proxy = configuration.proxy or _proxy(configuration.host)
    async with ApiClient(configuration) as api:
        yield Client(api, namespace)


def _in_cluster() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an API server (HTTPS_PROXY, NO_PROXY and so on)."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _namespace_of(context: str | None, kubeconfig: str | None) -> str:
    contexts, active = kube_config.list_kube_config_contexts(config_file=kubeconfig)
    chosen = next((entry for entry in contexts if entry["name"] == context), active)
    return str(chosen.get("context", {}).get("namespace") or "default")
