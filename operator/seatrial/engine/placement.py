"""What of the placement of load workers the platform team allows."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from seatrial.api.placement import Placement, Toleration
from seatrial.engine.invalid import InvalidSettings

_REMEDY = "is not allowed: take it out, or have the platform team allow it (workerPlacement in the chart's values)"


@dataclass(frozen=True)
class AllowedLabel:
    """A label of nodes, or a taint of theirs.

    Attributes:
        key: Its key.
        values: Its values; ``*`` stands for any, and then it need not be given either.
    """

    key: str
    values: tuple[str, ...]

    def covers(self, key: str, value: str | None) -> bool:
        """Whether a value, or with None any value, is among those allowed."""
        return key == self.key and ("*" in self.values or value in self.values)


@dataclass(frozen=True)
class AllowedPlacement:
    """The platform team's list.

    Attributes:
        priority_class_names: Priority classes that workers may have.
        node_selector: Labels by which their nodes may be chosen.
        tolerations: Taints that they may tolerate.
    """

    priority_class_names: tuple[str, ...] = ()
    node_selector: tuple[AllowedLabel, ...] = ()
    tolerations: tuple[AllowedLabel, ...] = ()

    def refusal(self, placement: Placement | None) -> str:
        """Says what is not allowed, with field, value and remedy; empty if all is.

        Args:
            placement: What the user asks for.
        """
        return next(self._refusals(placement), "") if placement else ""

    def _refusals(self, placement: Placement) -> Iterator[str]:
        name = placement.priority_class_name
        if name is not None and name not in self.priority_class_names:
            yield f"placement.priorityClassName: {name!r} {_REMEDY}"
        for key, value in placement.node_selector.items():
            if not _covered(self.node_selector, key, value):
                yield f"placement.nodeSelector: '{key}={value}' {_REMEDY}"
        for index, toleration in enumerate(placement.tolerations):
            if not _covered(self.tolerations, toleration.key, toleration.value):
                yield f"placement.tolerations[{index}]: {_shown(toleration)!r} {_REMEDY}"

    @classmethod
    def parse(cls, text: str) -> "AllowedPlacement":
        """Reads the chart's value ``workerPlacement`` as JSON.

        Raises:
            InvalidSettings: It is not what the chart's schema describes.
        """
        try:
            given: dict[str, Any] = json.loads(text)
            return cls(
                tuple(given.get("priorityClassNames", ())),
                tuple(_labels(given.get("nodeSelector", ()))),
                tuple(_labels(given.get("tolerations", ()))),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            labels = '[{"key": KEY, "values": [VALUE or "*", …]}, …]'
            expected = f'{{"priorityClassNames": [NAME, …], "nodeSelector": {labels}, "tolerations": {labels}}}'
            raise InvalidSettings(f"SEATRIAL_WORKER_PLACEMENT: {error!r}: expected {expected}") from error


def _labels(entries: Iterable[dict[str, Any]]) -> Iterator[AllowedLabel]:
    for entry in entries:
        yield AllowedLabel(entry["key"], tuple(entry["values"]))


def _covered(allowed: Iterable[AllowedLabel], key: str, value: str | None) -> bool:
    return any(entry.covers(key, value) for entry in allowed)


def _shown(toleration: Toleration) -> str:
    return toleration.key if toleration.value is None else f"{toleration.key}={toleration.value}"
