"""Prometheus metrics, none of which has a label per resource or run."""

from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Histogram

from seatrial.api.status import TrialStatus
from seatrial.api.timestamp import moment


class Metrics:
    """What the operator counts.

    Args:
        registry: Where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._turns = Histogram(
            "seatrial_turn_seconds",
            "Time of one turn of a resource, its writes included.",
            ["kind"],
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._runs = Counter(
            "seatrial_runs", "Runs that were judged, by verdict.", ["kind", "verdict"], registry=registry
        )
        self._duration = Histogram(
            "seatrial_run_seconds",
            "Time from the start of a run to its verdict.",
            ["kind"],
            registry=registry,
            buckets=(1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
        )

    def turn(self, kind: str) -> AbstractContextManager[object]:
        """Measures a turn."""
        return self._turns.labels(kind).time()

    def transition(self, kind: str, before: TrialStatus, after: TrialStatus) -> None:
        """Counts a verdict when it falls."""
        if after.verdict is None or before.verdict is not None:
            return
        self._runs.labels(kind, after.verdict.value).inc()
        if after.run and after.run.started_at and after.run.finished_at:
            length = moment(after.run.finished_at) - moment(after.run.started_at)
            self._duration.labels(kind).observe(length.total_seconds())
