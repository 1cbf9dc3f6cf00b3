"""What observed pods use while load goes on: samples of the metrics API, and what their containers' states tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.api.quantity import amount
from seatrial.api.status import ResourceUse
from seatrial.api.timeline import UsePoint
from seatrial.api.timestamp import moment

Object = dict[str, Any]

#: Points of a chart; when there are more, each two become one.
_POINTS = 240


@dataclass(frozen=True)
class Known:
    """What status says of a load already.

    Attributes:
        begun: When it began.
        use: What observed pods have used.
    """

    begun: datetime
    use: Sequence[ResourceUse] = ()


@dataclass
class Use:
    """Some pods, from the beginning of a load to its end.

    Attributes:
        name: What they are called.
        begun: When the load began: what ended before does not count.
        earlier: What an earlier life of the operator has put into status.
        message: Why something is missing.
        points: The course.
    """

    name: str
    begun: datetime
    earlier: ResourceUse
    message: str = ""
    points: list[UsePoint] = field(default_factory=list)
    _pods: int = 0
    _samples: int = 0
    _cpu: tuple[float, float] = (0.0, 0.0)
    _memory: tuple[int, int] = (0, 0)
    _last: dict[str, str] = field(default_factory=dict)
    _before: dict[tuple[str, str], int] = field(default_factory=dict)
    _now: dict[tuple[str, str], int] = field(default_factory=dict)
    _kills: set[tuple[str, str, str]] = field(default_factory=set)
    _listed: bool = False
    _width: int = 1
    _taken: int = 0

    def measured(self, items: Sequence[Object], now: datetime, measured: float) -> None:
        """Takes in an answer of the metrics API.

        Args:
            items: PodMetrics.
            now: When it came.
            measured: Seconds of measured time at that moment.
        """
        told = []
        for item in items:
            name, stamp = item["metadata"]["name"], str(item.get("timestamp") or "")
            at = measured - max((now - moment(stamp)).total_seconds(), 0.0) if stamp else measured
            if self._last.get(name) == stamp or at <= 0:
                continue  # known, or of the time before
            usage = [container["usage"] for container in item.get("containers") or []]
            cpu = float(sum(amount(one["cpu"]) for one in usage))
            memory = int(sum(amount(one["memory"]) for one in usage))
            told.append(UsePoint(name=self.name, at=round(at, 1), cpu=round(cpu, 4), memory=memory))
            self._last[name] = stamp
        for point in told:
            self._samples += 1
            self._cpu = max(self._cpu[0], point.cpu), self._cpu[1] + point.cpu
            self._memory = max(self._memory[0], point.memory), self._memory[1] + point.memory
        if told:
            self._draw(_most(told))
        self.message = "" if self._samples or items else "the metrics API knows none of its pods yet"

    def listed(self, pods: Sequence[Object]) -> None:
        """Takes in a list of the pods."""
        self._listed = True
        self._pods = max(self._pods, len(pods))
        if not pods:
            self.message = "there are no such pods"
        for pod in pods:
            uid, created = pod["metadata"]["uid"], moment(pod["metadata"]["creationTimestamp"])
            for status in (pod.get("status") or {}).get("containerStatuses") or []:
                key = (uid, str(status.get("name") or ""))
                ends = [
                    state["terminated"]
                    for one in ("state", "lastState")
                    if "terminated" in (state := status.get(one) or {})
                ]
                late = [end for end in ends if moment(end.get("finishedAt") or _NEVER) >= self.begun]
                self._kills |= {(*key, end["finishedAt"]) for end in late if end.get("reason") == "OOMKilled"}
                restarts = int(status.get("restartCount") or 0)
                last = (status.get("lastState") or {}).get("terminated")
                new = created >= self.begun
                known = 0 if new else restarts - (1 if restarts and last in late else 0)
                self._before.setdefault(key, known)
                self._now[key] = restarts

    def unlisted(self, why: str) -> None:
        """Notes that the pods could not be listed."""
        self._listed = False
        self.message = f"its pods cannot be listed: {why}"

    def shown(self) -> ResourceUse:
        """What there is for the status."""
        earlier, samples = self.earlier, self._samples + self.earlier.samples
        restarts = sum(now - self._before[key] for key, now in self._now.items())
        cpu = self._cpu[1] + (earlier.cpu_mean or 0) * earlier.samples
        memory = self._memory[1] + (earlier.memory_mean or 0) * earlier.samples
        return ResourceUse(
            name=self.name,
            pods=max(self._pods, earlier.pods),
            samples=samples,
            cpu_max=round(max(self._cpu[0], earlier.cpu_max or 0), 3) if samples else None,
            cpu_mean=round(cpu / samples, 3) if samples else None,
            memory_max=max(self._memory[0], earlier.memory_max or 0) if samples else None,
            memory_mean=round(memory / samples) if samples else None,
            restarts=max(restarts, earlier.restarts or 0) if self._listed and self._pods else None,
            oom_kills=max(len(self._kills), earlier.oom_kills or 0) if self._listed and self._pods else None,
            message=self.message[:300],
        )

    def _draw(self, point: UsePoint) -> None:
        self._taken += 1
        if self.points and self._taken % self._width:
            self.points[-1] = _most([self.points[-1], point])
            return
        self.points.append(point)
        if len(self.points) > _POINTS:
            pairs = [self.points[place : place + 2] for place in range(0, len(self.points), 2)]
            self.points = [_most(pair) for pair in pairs]
            self._width *= 2


def values(use: ResourceUse) -> dict[str, object]:
    """The variables of thresholds that there are numbers for."""
    found = {
        "cpu.max": use.cpu_max,
        "cpu.mean": use.cpu_mean,
        "memory.max": use.memory_max,
        "memory.mean": use.memory_mean,
        "restarts": use.restarts,
        "oomKills": use.oom_kills,
    }
    return {f"{use.name}.{name}": value for name, value in found.items() if value is not None}


_NEVER = "1970-01-01T00:00:00Z"


def _most(points: Sequence[UsePoint]) -> UsePoint:
    return UsePoint(
        name=points[0].name,
        at=max(one.at for one in points),
        cpu=max(one.cpu for one in points),
        memory=max(one.memory for one in points),
    )
