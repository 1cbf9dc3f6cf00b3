"""The one exception that the program shows to its user as a message and not as a traceback."""


class ClusterError(Exception):
    """Something the user can act on.

    Attributes:
        problem: What is wrong, with the thing and its value.
        remedy: What to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  remedy: {remedy}")
        self.problem = problem
        self.remedy = remedy
