"""How thorough tests of every moment of a run are: they go with hypothesis' profile, as properties do."""

from hypothesis import settings

#: Of how many moments one is tried: all are, but for the profile of `make check`.
STRIDE = 1 if settings().max_examples >= 100 else 4
