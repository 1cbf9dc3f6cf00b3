"""What kopf is to remember of objects: nothing.

It does so for handlers of changes, of which we have none. With its own storages it would nevertheless copy and compare
each object that an event brings, before our handler learns of it.
"""

import kopf


class NoDifferences(kopf.DiffBaseStorage):
    """Takes all objects for alike."""

    def build(self, *, body: object, extra_fields: object = None) -> kopf.BodyEssence:  # noqa: ARG002 - kopf's signature
        """Returns what there is to compare of an object."""
        return kopf.BodyEssence()

    def fetch(self, *, body: object) -> kopf.BodyEssence | None:  # noqa: ARG002 - kopf's signature
        """Returns what an object was when it was last handled."""
        return None

    def store(self, *, body: object, patch: object, essence: object) -> None:
        """Would remember an object as it is."""


class NoProgress(kopf.ProgressStorage):
    """Knows no handlers that are under way."""

    def fetch(self, *, key: object, body: object) -> kopf.ProgressRecord | None:  # noqa: ARG002 - kopf's signature
        """Returns how far a handler is."""
        return None

    def store(self, *, key: object, record: object, body: object, patch: object) -> None:
        """Would remember how far a handler is."""

    def purge(self, *, key: object, body: object, patch: object) -> None:
        """Would forget a handler."""

    def touch(self, *, body: object, patch: object, value: object) -> None:
        """Would change an object, for another event."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Returns an object without what is kept here."""
        return essence
