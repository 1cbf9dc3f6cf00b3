"""The cookies of one user of one service (RFC 6265, of which paths and domains do not matter here)."""


class Cookies:
    """Cookies by name, in the order in which they were first set.

    Attributes:
        header: Value of the Cookie header; empty if there are none.
    """

    __slots__ = ("_values", "header")

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self.header = ""

    def take(self, header: str) -> None:
        """Takes in a Set-Cookie header: sets a cookie, or removes it if it ends at once."""
        pair, *attributes = header.split(";")
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            return
        ages = [text.partition("=")[2].strip() for text in attributes if text.strip().lower().startswith("max-age=")]
        if ages and (ages[-1] == "0" or ages[-1].startswith("-")):
            self._values.pop(name, None)
        else:
            self._values[name] = value.strip()
        self.header = "; ".join(f"{name}={value}" for name, value in self._values.items())
