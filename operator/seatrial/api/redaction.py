"""Secret values in text: what they may look like there, and taking them out."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

#: Characters that a secret must have: less could not be told from other text.
LEAST = 4
#: What stands in its place.
MARK = "•••"


class Redaction:
    """Takes secrets out of text, in every form in which a message may hold them.

    Args:
        secrets: Their values.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(secrets)
        forms = {form for secret in self._secrets for form in _forms(secret)}
        # The longest first: one form may be the beginning of another.
        longest = sorted(filter(None, forms), key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_pattern, longest))) if longest else None

    def __bool__(self) -> bool:
        """Whether there is any secret."""
        return self._pattern is not None

    def and_also(self, secrets: Iterable[str]) -> "Redaction":
        """The same with more secrets."""
        return Redaction(self._secrets | set(secrets))

    def finds(self, text: str) -> bool:
        """Whether a text holds a secret."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def __call__(self, text: str) -> str:
        """Returns a text without the secrets."""
        return self._pattern.sub(MARK, text) if self._pattern is not None else text


def _pattern(form: str) -> str:
    """Percent-encoding has either case."""
    return re.sub(r"%[0-9A-F]{2}", lambda match: f"(?i:{match.group()})", re.escape(form))


def _forms(secret: str) -> Iterable[str]:
    """As it is, on one line, in a URL, in a form, in JSON, in JSON in JSON, in Python, and as Kubernetes keeps it."""
    for value in (secret, " ".join(secret.split()), secret.replace("\r", " ").replace("\n", " ")):
        yield value
        yield from (quote(value, safe=""), quote(value), quote_plus(value))
        yield json.dumps(value)[1:-1]
        yield json.dumps(value, ensure_ascii=False)[1:-1]
        yield json.dumps(json.dumps(value)[1:-1])[1:-1]
        yield repr(value)[1:-1]
        yield repr(value.encode(errors="replace"))[2:-1]
    yield base64.b64encode(secret.encode(errors="replace")).decode()


NOTHING_SECRET = Redaction()
