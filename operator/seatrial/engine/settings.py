"""What the operator's process is told by its environment; the chart sets it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.api.script import Engine
from seatrial.engine.invalid import InvalidSettings as InvalidSettings
from seatrial.engine.placement import AllowedPlacement
from seatrial.plan.queue import Limits


@dataclass(frozen=True)
class AllowedTarget:
    """Services of a namespace that scenarios and load tests of other namespaces may use.

    Attributes:
        namespaces: Namespaces of the scenarios and load tests; ``*`` stands for any.
        namespace: Namespace of the Services.
        services: Their names; ``*`` stands for any.
    """

    namespaces: tuple[str, ...]
    namespace: str
    services: tuple[str, ...]

    def allows(self, home: str, namespace: str, service: str) -> bool:
        """Whether a trial in the namespace ``home`` may use a Service."""
        return (
            namespace == self.namespace
            and not {"*", home}.isdisjoint(self.namespaces)
            and not {"*", service}.isdisjoint(self.services)
        )

    @classmethod
    def parse(cls, text: str) -> "tuple[AllowedTarget, ...]":
        """Reads the chart's value ``allowedTargets`` as JSON.

        Raises:
            InvalidSettings: It is not what the chart's schema describes.
        """
        try:
            entries: list[dict[str, Any]] = json.loads(text)
            return tuple(
                cls(tuple(entry["namespaces"]), entry["namespace"], tuple(entry["services"])) for entry in entries
            )
        except (ValueError, TypeError, KeyError) as error:
            expected = '[{"namespaces": [FROM, …], "namespace": TO, "services": [NAME or "*", …]}, …]'
            raise InvalidSettings(f"SEATRIAL_ALLOWED_TARGETS: {error!r}: expected {expected}") from error


@dataclass(frozen=True)
class Settings:
    """Settings of the operator.

    Attributes:
        namespace: Namespace in which the operator runs; environments let its checks in.
        worker_image: Image of load workers, which is the operator's own.
        engine_images: Images of load workers that run scripts, by engine.
        pull_policy: When workers pull that image; empty leaves it to Kubernetes.
        copying: Whether scenarios may have Secrets and ConfigMaps of their own namespace copied into their environment.
        log_level: Least level that is logged.
        health_port: Port of liveness and readiness.
        metrics_port: Port of the Prometheus metrics.
        limits: How many runs there may be at a time.
        allowed_targets: Services of other namespaces that scenarios may use.
        placement: Where load workers may be made to run.
        sweep_after: Seconds from when an object is found to belong to no resource until it is taken away.
    """

    namespace: str = "seatrial"
    worker_image: str = "seatrial"
    engine_images: Mapping[Engine, str] = field(default_factory=dict)
    pull_policy: str = ""
    copying: bool = True
    log_level: str = "INFO"
    health_port: int = 8080
    metrics_port: int = 9090
    limits: Limits = field(default_factory=Limits)
    allowed_targets: tuple[AllowedTarget, ...] = ()
    placement: AllowedPlacement = field(default_factory=AllowedPlacement)
    sweep_after: float = 15.0

    @classmethod
    def from_environment(cls) -> "Settings":
        """Reads the settings from ``SEATRIAL_…`` variables."""
        given = os.environ
        return cls(
            namespace=given.get("SEATRIAL_NAMESPACE", cls.namespace),
            worker_image=given.get("SEATRIAL_WORKER_IMAGE", cls.worker_image),
            engine_images={
                engine: image for engine in Engine if (image := given.get(f"SEATRIAL_{engine.upper()}_IMAGE"))
            },
            pull_policy=given.get("SEATRIAL_IMAGE_PULL_POLICY", cls.pull_policy),
            copying=given.get("SEATRIAL_COPYING", "true") == "true",
            log_level=given.get("SEATRIAL_LOG_LEVEL", cls.log_level),
            health_port=int(given.get("SEATRIAL_HEALTH_PORT", cls.health_port)),
            metrics_port=int(given.get("SEATRIAL_METRICS_PORT", cls.metrics_port)),
            limits=Limits(
                runs=int(given.get("SEATRIAL_LIMIT_RUNS", 0)),
                runs_per_namespace=int(given.get("SEATRIAL_LIMIT_RUNS_PER_NAMESPACE", 0)),
            ),
            allowed_targets=AllowedTarget.parse(given.get("SEATRIAL_ALLOWED_TARGETS") or "[]"),
            placement=AllowedPlacement.parse(given.get("SEATRIAL_WORKER_PLACEMENT") or "{}"),
            sweep_after=float(given.get("SEATRIAL_SWEEP_AFTER", cls.sweep_after)),
        )
