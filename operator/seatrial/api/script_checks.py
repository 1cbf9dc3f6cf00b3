"""What a script's engine can use of a load, and what it cannot."""

import re
from collections.abc import Iterator
from typing import Final

from seatrial.api import duration
from seatrial.api.load import LoadSpec
from seatrial.api.problem import Problem
from seatrial.api.script import NAME_LENGTH, Engine, Script

#: Options that say how the tool works, not how much it does or where its results go.
OPTIONS: Final = {
    Engine.K6: frozenset(
        {
            "--batch",
            "--batch-per-host",
            "--block-hostnames",
            "--blacklist-ip",
            "--compatibility-mode",
            "--discard-response-bodies",
            "--dns",
            "--insecure-skip-tls-verify",
            "--max-redirects",
            "--min-iteration-duration",
            "--no-connection-reuse",
            "--no-setup",
            "--no-teardown",
            "--no-thresholds",
            "--no-vu-connection-reuse",
            "--rps",
            "--tag",
            "--throw",
            "--user-agent",
        }
    ),
    Engine.LOCUST: frozenset({"--exclude-tags", "--spawn-rate", "--stop-timeout", "--tags"}),
}

#: Fields of a load, and of its profile, that only the engine Http can use.
_HTTP_ONLY: Final = ("requests", "flows", "data", "request_timeout", "connections", "cores")
_HTTP_PROFILE: Final = ("rate", "arrivals", "max_in_flight", "iterations")

_PARTS: Final = re.compile(r"(?<![\w.'\"])(ttfb|connect|tls)\.\w+")


def script_problems(field: str, spec: LoadSpec) -> Iterator[Problem]:
    """Yields what is wrong with the load of a script.

    Args:
        field: Path of the load in the manifest.
        spec: The load.
    """
    script = spec.script
    if script is None:
        return
    yield from _http_only(field, spec)
    yield from _profile(f"{field}.profile", spec)
    yield from _arguments(f"{field}.script.args", spec, script)
    if spec.engine is Engine.LOCUST:
        yield from _python(f"{field}.script", script)
        yield from _untold(f"{field}.thresholds", spec)
    for label in spec.labels:
        if len(label) > NAME_LENGTH:
            yield Problem(
                f"{field}.thresholds", label, f"names of a script's requests have {NAME_LENGTH} characters at most"
            )


def _http_only(field: str, spec: LoadSpec) -> Iterator[Problem]:
    for name in _HTTP_ONLY:
        if name in spec.model_fields_set:
            yield Problem(f"{field}.{_camel(name)}", "", "belongs to the engine Http: the script says what is sent")
    if spec.target.tls is not None:
        remedy = "belongs to the engine Http: a script speaks TLS by the means of its tool"
        yield Problem(f"{field}.target.tls", "", remedy)


def _profile(field: str, spec: LoadSpec) -> Iterator[Problem]:
    profile = spec.profile
    for name in _HTTP_PROFILE:
        if name in profile.model_fields_set and getattr(profile, name, None):
            remedy = "belongs to the engine Http: give users, or leave it to the script's own options"
            yield Problem(f"{field}.{_camel(name)}", str(getattr(profile, name)), remedy)
    if profile.stages and profile.open:
        remedy = "those of a script are of users: give users, or leave it to the script itself"
        yield Problem(f"{field}.stages", "", remedy)
    if profile.graceful_stop is not None and spec.engine is Engine.K6:
        remedy = "scenarios of k6 have a gracefulStop of their own: give it in the script's options"
        yield Problem(f"{field}.gracefulStop", duration.text(profile.graceful_stop), remedy)


def _arguments(field: str, spec: LoadSpec, script: Script) -> Iterator[Problem]:
    for index, argument in enumerate(script.args):
        option = argument.partition("=")[0]
        if option not in OPTIONS[spec.engine]:
            usable = ", ".join(sorted(OPTIONS[spec.engine]))
            remedy = f"is not an option that a script of {spec.engine} may set: {usable}"
            yield Problem(f"{field}[{index}]", argument, remedy)
        elif option == "--spawn-rate" and spec.profile.stages:
            yield Problem(f"{field}[{index}]", argument, "stages say how quickly users come: remove it")


def _python(field: str, script: Script) -> Iterator[Problem]:
    """Locust reads only files that it can import."""
    if script.config_map and not script.config_map.key.endswith(".py"):
        yield Problem(f"{field}.configMap.key", script.config_map.key, "must end with .py")
    if script.path and not script.path.endswith(".py"):
        yield Problem(f"{field}.path", script.path, "must end with .py")


def _untold(field: str, spec: LoadSpec) -> Iterator[Problem]:
    """Locust tells one time of a request."""
    for index, threshold in enumerate(spec.thresholds):
        if found := _PARTS.search(threshold.expr):
            remedy = "Locust does not tell the parts of a request's time: use latency"
            yield Problem(f"{field}[{index}].expr", found[0], remedy)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
