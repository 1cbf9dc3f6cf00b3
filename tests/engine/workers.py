"""Lines of load workers."""

from typing import Any

from seatrial.load.histogram import Recording
from seatrial.load.line import WorkerLine


def line(worker: int = 0, seq: int = 0, *, values: tuple[int, ...] = (1000,), final: bool = False, **more: Any) -> str:
    """A line of a worker that has had one answer for each value, in microseconds."""
    recording = Recording()
    for value in values:
        recording.record(value)
    fields: dict[str, Any] = {
        "worker": worker,
        "seq": seq,
        "t": 1.0,
        "state": "final" if final else "running",
        "final": final,
        "interrupted": False,
        "measured": 1.0,
        "requests": len(values),
        "errors": {},
        "dropped": 0,
        "retries": 0,
        "checks": 0,
        "checks_failed": 0,
        "flows": 0,
        "bytes": 100,
        "ended": len(values),
        "per_second": 1.0,
        "in_flight": 0,
        "in_flight_max": 1,
        "lag_p99": 0,
        "lag_p99_bound": 0,
        "lag_max": 0,
        "cpu": 0.1,
        "cpu_max": 0.1,
        "loop_lag": 0,
        "loop_lag_max": 0,
        "began": 1.0,
        "limit": 1.0,
        "busy": 0.0,
        "late": 0.0,
        "throttled": 0.0,
        "latency": recording.encode(),
        "service": recording.encode(),
    }
    return WorkerLine.model_validate(fields | more).to_text()
