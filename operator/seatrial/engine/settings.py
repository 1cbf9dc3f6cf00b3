"""What the operator's process is told by its environment; the chart sets it."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the operator.

    Attributes:
        namespace: Namespace in which the operator runs; environments let its checks in.
        worker_image: Image of load workers, which is the operator's own.
        pull_policy: When workers pull that image; empty leaves it to Kubernetes.
        copying: Whether scenarios may have Secrets and ConfigMaps of their own namespace copied into their environment.
        log_level: Least level that is logged.
        health_port: Port of liveness and readiness.
        metrics_port: Port of the Prometheus metrics.
    """

    namespace: str = "seatrial"
    worker_image: str = "seatrial"
    pull_policy: str = ""
    copying: bool = True
    log_level: str = "INFO"
    health_port: int = 8080
    metrics_port: int = 9090

    @classmethod
    def from_environment(cls) -> "Settings":
        """Reads the settings from ``SEATRIAL_…`` variables."""
        given = os.environ
        return cls(
            namespace=given.get("SEATRIAL_NAMESPACE", cls.namespace),
            worker_image=given.get("SEATRIAL_WORKER_IMAGE", cls.worker_image),
            pull_policy=given.get("SEATRIAL_IMAGE_PULL_POLICY", cls.pull_policy),
            copying=given.get("SEATRIAL_COPYING", "true") == "true",
            log_level=given.get("SEATRIAL_LOG_LEVEL", cls.log_level),
            health_port=int(given.get("SEATRIAL_HEALTH_PORT", cls.health_port)),
            metrics_port=int(given.get("SEATRIAL_METRICS_PORT", cls.metrics_port)),
        )
