"""How thresholds name one of several requests. Load workers know the names, and not the expression library."""

import re
from typing import Final

#: ``request['NAME']``, the name in the first or in the second group.
NAMED: Final = re.compile(r"""(?<![\w.])request\s*\[\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*\]""")


def named_requests(expression: str) -> list[str]:
    """Names of the requests that an expression names, in their order."""
    return [match.group(1) or match.group(2) or "" for match in NAMED.finditer(expression)]
