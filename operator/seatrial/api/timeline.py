"""The course of a load over its measured time, in windows whose number is bounded however long it lasts."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Window(BaseModel):
    """What happened in a stretch of measured time, merged over all workers.

    Attributes:
        at: Where it ends, in seconds of measured time.
        seconds: How long it is. Longer than the others where lines were missed: what was counted meanwhile is in it.
        requests: Requests that ended in it, well or badly.
        errors: Those that ended badly.
        in_flight: Requests that were unanswered at its end; of a window that was made of several, the mean.
        p50: Median latency from the intended start, in milliseconds; None if no request of the window has a latency.
        p95: 95th percentile, likewise.
        p99: 99th percentile, likewise.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)

    at: float
    seconds: float
    requests: int = 0
    errors: int = 0
    in_flight: float = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def rate(self) -> float:
        """Requests that ended per second."""
        return self.requests / self.seconds if self.seconds else 0.0


class UsePoint(BaseModel):
    """What some pods used at a moment, the most of any one pod.

    Attributes:
        name: target, or the name in spec.observe.
        at: Seconds of measured time.
        cpu: Cores.
        memory: Bytes.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)

    name: str
    at: float
    cpu: float
    memory: int


class Timeline(BaseModel):
    """The windows of one load.

    Attributes:
        step: Name of the attempt at the step; empty for a LoadTest.
        windows: In their order.
        use: CPU and memory of observed pods, in the order of time.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)

    step: str = ""
    windows: tuple[Window, ...] = ()
    use: tuple[UsePoint, ...] = ()
