"""What somebody may have meant by a name that there is not."""

from collections.abc import Iterable
from difflib import get_close_matches

#: Names that are listed where none is close.
LISTED = 12


def suggested(name: str, known: Iterable[str], otherwise: str = "there are") -> str:
    """Suggests the name that is closest, or lists what there is.

    Args:
        name: What was written.
        known: What there is.
        otherwise: What comes before the list.
    """
    names = list(known)
    if close := get_close_matches(name, names, n=1, cutoff=0.65):
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{otherwise} {', '.join(names[:LISTED]) or 'none'}{more}"
