"""The operator's process: connect, watch, and hand over when it is told to stop."""

import asyncio
import logging
import sys

import kopf
import uvloop
from prometheus_client import CollectorRegistry

from seatrial.engine.controller import Controller
from seatrial.engine.metrics import Metrics
from seatrial.engine.settings import InvalidSettings, Settings
from seatrial.handlers.census import Census
from seatrial.handlers.feed import Feed
from seatrial.handlers.health import Health
from seatrial.handlers.heartbeat import Heartbeat
from seatrial.handlers.watches import configure, register
from seatrial.kube.client import Client
from seatrial.kube.connect import connect
from seatrial.kube.errors import KubeError, NotFound
from seatrial.kube.resources import LOAD_TESTS, TEST_SCENARIOS

logger = logging.getLogger(__name__)


def run_operator() -> None:
    """Runs the operator until it is told to stop. Exits with 1 if it cannot start or its watches die."""
    kopf.configure(log_format=kopf.LogFormat.JSON, log_refkey="object")
    try:
        settings = Settings.from_environment()
    except InvalidSettings as error:
        logger.critical("%s", error)
        sys.exit(1)
    logging.getLogger().setLevel(settings.log_level)
    for noisy in ("kopf.objects", "aiohttp.access", "httpx", "httpcore", "hpack"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        uvloop.run(_operate(settings))
    except KubeError as error:
        logger.critical("%s", error)
        sys.exit(1)
    except Exception as error:
        # A watch that died takes the process with it, and its pod starts again: better than an operator that is deaf.
        logger.critical("the watches ended: %s", error, exc_info=error)
        sys.exit(1)


async def _operate(settings: Settings) -> None:
    registry = kopf.OperatorRegistry()
    _register_login(registry)
    async with connect() as client:
        await _check_installed(client)
        metrics = Metrics(CollectorRegistry())
        metrics.count_writes(client.writes)
        controller = Controller(client, settings, metrics)
        heartbeat = Heartbeat(client, settings.namespace)
        feed = Feed(controller)
        census = Census(client, feed)
        register(registry, feed, census, heartbeat)
        _register_hand_over(registry, controller)
        health = Health(settings, heartbeat, metrics)
        await health.start()
        await census.take()
        confirming = asyncio.create_task(census.confirm(), name="census")
        beating = asyncio.create_task(heartbeat.run(), name="heartbeat")
        operator_settings = kopf.OperatorSettings()
        configure(operator_settings)
        starting = asyncio.create_task(controller.start(), name="sandbox")
        try:
            await kopf.operator(registry=registry, settings=operator_settings, standalone=True, clusterwide=True)
        finally:
            for task in (starting, confirming, beating):
                task.cancel()
            await controller.close()
            await health.stop()


def _register_hand_over(registry: kopf.OperatorRegistry, controller: Controller) -> None:
    """Closes the controller as part of kopf's own end.

    A few seconds after its watches have ended, kopf cancels every task that was started since its own start, and that
    includes ours with the requests that are under way.
    """

    @kopf.on.cleanup(registry=registry, id="hand-over")
    async def hand_over(**_: object) -> None:
        await controller.close()


def _register_login(registry: kopf.OperatorRegistry) -> None:
    @kopf.on.login(registry=registry, id="service-account")
    def from_service_account(**kwargs: object) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs)  # type: ignore[arg-type] # kopf's kwargs are untyped

    @kopf.on.login(registry=registry, id="kubeconfig")
    def from_kubeconfig(**kwargs: object) -> kopf.ConnectionInfo | None:
        return kopf.login_with_kubeconfig(**kwargs)  # type: ignore[arg-type] # kopf's kwargs are untyped


async def _check_installed(client: Client) -> None:
    """Fails early where the CRDs are missing: watches of what does not exist would be silent for ever."""
    for resource in (TEST_SCENARIOS, LOAD_TESTS):
        try:
            await client.list(resource, limit=1)
        except NotFound as error:
            name = f"{resource.plural}.{resource.group}"
            raise KubeError(f"the CRD {name} is not installed: install the chart with crds.enabled=true") from error
