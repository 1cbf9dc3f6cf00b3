"""Secret values in text: what they may look like there, and taking them out."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

#: Characters that a secret must have: less could not be told from other text.
LEAST = 4
#: What stands in its place.
MARK = "•••"

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class Redaction:
    """Takes secrets out of text, in every form in which a message may hold them.

    Args:
        secrets: Their values.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(secrets)
        self._forms = frozenset(form for secret in self._secrets for form in _forms(secret))

    def __bool__(self) -> bool:
        """Whether there is any secret."""
        return bool(self._forms)

    def and_also(self, secrets: Iterable[str]) -> "Redaction":
        """The same with more secrets."""
        return Redaction(self._secrets | set(secrets))

    @property
    def secrets(self) -> frozenset[str]:
        """The secrets themselves."""
        return self._secrets

    def finds(self, text: str) -> bool:
        """Whether a text holds a secret."""
        leveled = _leveled(text)
        return any(form in leveled for form in self._forms)

    def __call__(self, text: str) -> str:
        """Returns a text without the secrets."""
        spans = sorted(self._spans(_leveled(text)))
        if not spans:
            return text
        kept, end = [], 0
        for start, stop in spans:
            if start >= end:
                kept += [text[end:start], MARK]
            end = max(end, stop)
        return "".join((*kept, text[end:]))

    def _spans(self, leveled: str) -> Iterator[tuple[int, int]]:
        # By plain search: a pattern of all forms takes seconds to compile when secrets are long.
        for form in self._forms:
            start = leveled.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = leveled.find(form, start + len(form))


def _leveled(text: str) -> str:
    """Percent-encoding has either case."""
    return _ESCAPE.sub(lambda match: match.group().upper(), text) if "%" in text else text


@lru_cache(maxsize=256)
def _forms(secret: str) -> frozenset[str]:
    """As it is, on one line, in a URL, in a form, in JSON, in JSON in JSON, in Python, and as Kubernetes keeps it."""
    forms = {base64.b64encode(secret.encode(errors="replace")).decode()}
    for value in {secret, " ".join(secret.split()), secret.replace("\r", " ").replace("\n", " ")}:
        forms |= {value, quote(value, safe=""), quote(value), quote_plus(value)}
        forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        forms |= {json.dumps(json.dumps(value)[1:-1])[1:-1]}
        forms |= {repr(value)[1:-1], repr(value.encode(errors="replace"))[2:-1]}
    return frozenset(_leveled(form) for form in forms if form)


NOTHING_SECRET = Redaction()
