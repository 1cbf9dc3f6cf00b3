"""What no repetition will make work."""


class Refused(Exception):
    """An object cannot be made, however often it is tried; the message is for the user.

    Attributes:
        reason: Stable CamelCase word.
    """

    def __init__(self, message: str, reason: str = "Refused") -> None:
        super().__init__(message)
        self.reason = reason
