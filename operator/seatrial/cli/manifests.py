"""Manifests: what a user's files say, checked as far as that goes without a cluster."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from seatrial.api.base import API_VERSION, GROUP
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.suggestion import suggested
from seatrial.api.validation import InvalidSpec, Problem, read
from seatrial.cli.documents import Document, UnreadableYaml, documents
from seatrial.kube.resources import LOAD_TESTS, TEST_SCENARIOS, Resource

Spec = TestScenarioSpec | LoadTestSpec

#: What reads the spec of each kind of ours.
READERS: dict[Resource, Callable[[Any], Spec]] = {
    TEST_SCENARIOS: partial(read, TestScenarioSpec),
    LOAD_TESTS: partial(read, LoadTestSpec),
}
_KINDS = {resource.kind: resource for resource in READERS}

_FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True)
class Trial:
    """A valid document of a kind of ours.

    Attributes:
        resource: Its kind.
        name: Its name.
        namespace: The namespace that it names itself, if it does.
        body: The whole document.
        spec: Its spec, read.
    """

    resource: Resource
    name: str
    namespace: str | None
    body: dict[str, Any]
    spec: Spec

    @property
    def title(self) -> str:
        """What people know it by."""
        return f"{self.resource.kind}/{self.name}"


@dataclass(frozen=True)
class Foreign:
    """A document of a kind that is not ours."""

    title: str


@dataclass(frozen=True)
class Mistake:
    """A mistake with its place.

    Attributes:
        place: File and line, as editors and CI systems understand them: ``checkout.yaml:12``.
        title: Kind and name of the document; empty if the file could not be read that far.
        problem: The mistake.
    """

    place: str
    title: str
    problem: Problem


@dataclass(frozen=True)
class Reading:
    """What a file holds.

    Attributes:
        trials: The valid documents of our kinds, in their order.
        foreign: The others.
        mistakes: What is wrong.
    """

    trials: tuple[Trial, ...]
    foreign: tuple[Foreign, ...]
    mistakes: tuple[Mistake, ...]


def read_file(path: str) -> Reading:
    """Reads and checks a file of manifests.

    Args:
        path: The file; ``-`` is standard input.
    """
    name = "<stdin>" if path == "-" else path
    trials: list[Trial] = []
    foreign: list[Foreign] = []
    mistakes: list[Mistake] = []
    try:
        for document in documents(_text(path)):
            match _read_document(document):
                case Trial() as trial:
                    trials.append(trial)
                case Foreign() as other:
                    foreign.append(other)
                case problems:
                    mistakes += _placed(name, document, problems)
    except UnreadableYaml as error:
        place = f"{name}:{error.line}" if error.line else name
        mistakes.append(Mistake(place, "", Problem(str(error), "", "correct the file")))
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        mistakes.append(Mistake(name, "", Problem("cannot be read", "", str(words))))
    mistakes += _repeated(name, trials)
    return Reading(tuple(trials), tuple(foreign), tuple(mistakes))


def _text(path: str) -> str:
    return (sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()).decode("utf-8-sig")


def _placed(file: str, document: Document, problems: list[Problem]) -> Iterator[Mistake]:
    for problem in problems:
        yield Mistake(f"{file}:{document.line(problem.field)}", _title(document.content), problem)


def _title(content: Any) -> str:
    if not isinstance(content, dict):
        return ""
    metadata = content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{content.get('kind') or '?'}/{name or '?'}"


def _read_document(document: Document) -> Trial | Foreign | list[Problem]:
    content = document.content
    if not isinstance(content, dict):
        return [Problem("document", "", "is not a Kubernetes object: it must have apiVersion, kind, metadata and spec")]
    api_version, kind = content.get("apiVersion"), content.get("kind")
    unidentified = [
        Problem(field, "", "is required")
        for field, value in (("apiVersion", api_version), ("kind", kind))
        if not isinstance(value, str) or not value
    ]
    if unidentified:
        return unidentified
    group = str(api_version).partition("/")[0]
    if group != GROUP and not (kind in _KINDS and get_close_matches(group, [GROUP], cutoff=0.8)):
        return Foreign(_title(content))
    return _read_ours(content, str(api_version), str(kind))


def _read_ours(content: dict[Any, Any], api_version: str, kind: str) -> Trial | list[Problem]:
    if api_version != API_VERSION:
        return [
            Problem("apiVersion", repr(api_version), f"is not known to this version of Seatrial: write {API_VERSION}")
        ]
    if kind not in _KINDS:
        return [Problem("kind", repr(kind), f"no such kind in {API_VERSION}; {suggested(kind, _KINDS)}")]
    resource = _KINDS[kind]
    problems = [
        Problem(str(field), "", f"there is no such field; {suggested(str(field), _FIELDS)}")
        for field in content
        if field not in _FIELDS
    ]
    problems += _metadata(content.get("metadata"))
    if content.get("spec") is None:
        return [*problems, Problem("spec", "", "is required")]
    try:
        spec = READERS[resource](content["spec"])
    except InvalidSpec as error:
        return [*problems, *error.problems]
    if problems:
        return problems
    metadata = content["metadata"]
    return Trial(resource, metadata["name"], metadata.get("namespace"), content, spec)


def _metadata(metadata: Any) -> Iterator[Problem]:
    if not isinstance(metadata, dict):
        yield Problem("metadata", "", "is required, with a name")
        return
    name = metadata.get("name")
    if not name:
        generated = "generateName" in metadata
        yield Problem("metadata.name", "", "is required; generateName will not do" if generated else "is required")
    elif not isinstance(name, str) or len(name) > 253 or not _NAME.fullmatch(name):
        yield Problem(
            "metadata.name",
            repr(name),
            "must be of a-z, 0-9, - and . only, begin and end with a letter or digit, and have at most 253 characters",
        )
    namespace = metadata.get("namespace")
    if namespace is not None and (not isinstance(namespace, str) or not _NAME.fullmatch(namespace)):
        yield Problem("metadata.namespace", repr(namespace), "must be of a-z, 0-9 and - only")
    for field in ("labels", "annotations"):
        entries = metadata.get(field) or {}
        if not isinstance(entries, dict):
            yield Problem(f"metadata.{field}", "", "must be a map of names to texts")
            continue
        for key, value in entries.items():
            if not isinstance(value, str):
                yield Problem(f"metadata.{field}.{key}", repr(value), "must be text: put it in quotes")


def _repeated(file: str, trials: list[Trial]) -> Iterator[Mistake]:
    keys = [(trial.resource, trial.namespace, trial.name) for trial in trials]
    for index, trial in enumerate(trials):
        if keys.index(keys[index]) != index:
            yield Mistake(file, trial.title, Problem("metadata.name", "", "is in the file twice: rename one"))
