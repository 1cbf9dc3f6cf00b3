"""One turn of a user through a flow."""

from typing import Any

from seatrial.load.cookies import Cookies
from seatrial.load.draft import Draft


class Visit:
    """One turn through a flow.

    Attributes:
        slot: Whose connection it uses.
        steps: The requests of the flow.
        place: The one that is sent, or is to be sent next.
        redirects: How often it has been redirected.
        values: Values of the variables.
        measured: Whether it began after the warm-up.
        cookies: The user's.
    """

    __slots__ = ("cookies", "measured", "place", "redirects", "slot", "steps", "values")

    def __init__(self, slot: int, steps: list[Draft], values: dict[str, Any], cookies: Cookies) -> None:
        self.slot = slot
        self.steps = steps
        self.place = self.redirects = 0
        self.values = values
        self.cookies = cookies
        self.measured = False
