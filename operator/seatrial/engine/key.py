"""What the engine works on: one resource at a time, under its key."""

from typing import NamedTuple


class Key(NamedTuple):
    """Names one TestScenario or LoadTest.

    Attributes:
        kind: TestScenario or LoadTest.
        namespace: Where it is.
        name: Its name.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As the annotation on objects of its runs has it."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Key | None":
        """Reads the annotation; None if somebody else wrote something else there."""
        parts = text.split("/")
        return cls(*parts) if len(parts) == 3 else None
