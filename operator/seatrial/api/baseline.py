"""What a load is compared with, and how much worse it may be."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from seatrial.api.base import Model

#: The value of ``of`` that means the newest run of the same load that has passed.
LAST_PASSED: Final = "LastPassed"

#: Measured time without which a comparison is refused: it takes so many windows of a second for anything but the
#: plainest change to stand out from noise.
LEAST_SECONDS: Final = 20


class Metric(StrEnum):
    """What is compared, window by window."""

    P50 = "latency.p50"
    P95 = "latency.p95"
    P99 = "latency.p99"
    RATE = "rate.achieved"


def _different(metrics: list[Metric]) -> list[Metric]:
    if len(set(metrics)) < len(metrics):
        raise ValueError("a metric is given twice: keep one")
    return metrics


class Baseline(Model):
    """An earlier run of the same load that this one must not be worse than."""

    max_regression: Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,2})?%$", max_length=7)] = Field(
        description="How much worse each metric may be, in percent, for example 10%. Below what two runs of an "
        "unchanged service differ by, it has no meaning."
    )
    of: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", max_length=63)] = Field(
        LAST_PASSED,
        description="LastPassed: the newest run of the same load that has passed; without one, thresholds alone "
        "judge. Or the name of a run in status.history. Default LastPassed.",
    )
    metrics: Annotated[list[Metric], AfterValidator(_different)] = Field(
        [Metric.P50, Metric.P95],
        min_length=1,
        max_length=4,
        description="latency.p50, latency.p95, latency.p99 (of each second of the load) or rate.achieved. "
        "Default latency.p50 and latency.p95.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    @property
    def allowed(self) -> float:
        """How much worse a metric may be, as a share."""
        return float(self.max_regression.removesuffix("%")) / 100
