"""Prometheus metrics, none of which has a label per resource or run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

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
        self._orphans_deleted = Counter(
            "seatrial_orphans_deleted",
            "Objects that were taken away because the resource they were made for is gone.",
            ["kind"],
            registry=registry,
        )
        self._orphans_waiting = Gauge(
            "seatrial_orphans_waiting", "Objects whose resource is gone and that are still there.", registry=registry
        )

    def count_writes(self, writes: Mapping[tuple[str, str], int]) -> None:
        """Shows a client's writes.

        Args:
            writes: Their number, by HTTP method and by what they are about; read anew for each scrape.
        """
        self.registry.register(_Writes(writes))

    def count_runs(self, sizes: Callable[[], tuple[int, int]]) -> None:
        """Shows how many runs there are.

        Args:
            sizes: How many have room, and how many wait for it; read anew for each scrape.
        """
        active = Gauge("seatrial_runs_active", "Runs that have begun and are not away yet.", registry=self.registry)
        active.set_function(lambda: sizes()[0])
        queued = Gauge("seatrial_runs_queued", "Runs that wait for room.", registry=self.registry)
        queued.set_function(lambda: sizes()[1])

    def watch_orphans(self, waiting: Callable[[], float]) -> None:
        """Shows how many orphans wait to be taken away.

        Args:
            waiting: Counts them; asked for each scrape.
        """
        self._orphans_waiting.set_function(waiting)

    def orphan_deleted(self, kind: str) -> None:
        """Counts an orphan that was taken away."""
        self._orphans_deleted.labels(kind).inc()

    def turn(self, kind: str) -> AbstractContextManager[object]:
        """Measures a turn."""
        return self._turns.labels(kind).time()

    def transition(self, kind: str, before: TrialStatus, after: TrialStatus) -> None:
        """Counts a verdict when it falls."""
        same = before.run is not None and after.run is not None and before.run.id == after.run.id
        if after.verdict is None or (same and before.verdict is not None):
            return
        self._runs.labels(kind, after.verdict.value).inc()
        if after.run and after.run.started_at and after.run.finished_at:
            length = moment(after.run.finished_at) - moment(after.run.started_at)
            self._duration.labels(kind).observe(length.total_seconds())


class _Writes(Collector):
    """Reads the client's own count, so that the client need not know of metrics."""

    def __init__(self, writes: Mapping[tuple[str, str], int]) -> None:
        self._writes = writes

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yields the one metric."""
        family = CounterMetricFamily(
            "seatrial_api_writes",
            "Requests to the API server that ask for a change, refused ones included.",
            labels=["verb", "resource"],
        )
        for (verb, resource), number in sorted(self._writes.items()):
            family.add_metric([verb, resource], number)
        yield family
