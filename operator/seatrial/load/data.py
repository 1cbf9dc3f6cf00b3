"""Values that requests are made of: numbers, UUIDs, choices, lines of CSV."""

import uuid
from collections.abc import Callable
from random import Random
from typing import Any

from seatrial.api.exchange import Data
from seatrial.api.table import table

Draw = Callable[[int], dict[str, Any]]


def drawing(data: list[Data], random: Random) -> Draw:
    """Makes the function that draws all values for one request or flow.

    Args:
        data: What to draw.
        random: Where chance comes from.

    Returns:
        A function from the number of the request or flow, which is unique over all workers, to values by variable.
    """
    draws = [_drawing(entry, random) for entry in data]

    def draw(number: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for each in draws:
            values |= each(number)
        return values

    return draw


def _drawing(data: Data, random: Random) -> Draw:
    name = f"data.{data.name}"
    if data.sequence is not None:
        start = data.sequence.start
        return lambda number: {name: start + number}
    if data.uuid is not None:
        return lambda _number: {name: str(uuid.UUID(int=random.getrandbits(128), version=4))}
    if data.pick:
        return lambda _number: {name: random.choice(data.pick)}
    titles, rows = table(data.csv)
    lines = [{f"{name}.{title}": value for title, value in zip(titles, row, strict=True)} for row in rows]
    return lambda number: lines[number % len(lines)]
