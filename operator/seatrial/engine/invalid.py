"""What the operator cannot be started with."""


class InvalidSettings(ValueError):
    """A variable of the operator's environment cannot be read; the message says which, and what it should be."""
