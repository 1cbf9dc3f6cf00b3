"""The lock files and what is built from them."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt")
PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[(?P<extras>[a-z0-9,-]+)\])?==(?P<version>[A-Za-z0-9.+!]+)(?: ; [^/]+?)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def pins(lock: str) -> dict[str, str]:
    found = (PIN.fullmatch(line) for line in (ROOT / lock).read_text().splitlines())
    return {pin["name"]: pin["version"] for pin in found if pin}


def unmet(requirements: list[Any], lock: str) -> list[str]:
    """Returns which requirements a lock does not meet; included groups are their own list."""
    locked = pins(lock)
    declared = [Requirement(entry) for entry in requirements if isinstance(entry, str)]
    return [
        str(entry)
        for entry in declared
        if not (version := locked.get(canonicalize_name(entry.name))) or version not in entry.specifier
    ]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_only(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    other = [line for line in lines if not PIN.fullmatch(line) and not HASH.fullmatch(line)]

    assert other == [], "addresses of registries are wrong behind a mirror, and a file that is not hashed is not locked"
    assert pins(lock)


def test_what_is_developed_with_is_what_is_shipped() -> None:
    shipped, developed = pins("requirements.txt"), pins("requirements-dev.txt")

    assert shipped.items() <= developed.items()


def test_locks_meet_what_the_project_declares() -> None:
    declared = project()
    groups = declared["dependency-groups"]

    assert unmet(declared["project"]["dependencies"], "requirements.txt") == []
    assert unmet([*groups["lint"], *groups["test"], *groups["dev"]], "requirements-dev.txt") == []
    assert unmet(declared["build-system"]["requires"], "requirements-build.txt") == []


def test_an_extra_that_a_package_asks_for_is_pinned_with_it() -> None:
    """Pip takes ``coverage[toml]`` for another package than ``coverage``, and refuses its newest version: no hash."""
    lines = (PIN.fullmatch(line) for line in (ROOT / "requirements-dev.txt").read_text().splitlines())
    pinned = {pin["name"]: set((pin["extras"] or "").split(",")) for pin in lines if pin}
    asked = [
        requirement
        for name in pinned
        for requirement in map(Requirement, _requires(name))
        if requirement.extras and (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
    ]

    assert "coverage" in {requirement.name for requirement in asked}
    assert [str(each) for each in asked if not each.extras <= pinned[canonicalize_name(each.name)]] == []


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # of another system or version of Python
        return []


def test_the_image_may_copy_what_the_dockerfile_copies() -> None:
    copied = {
        source.removesuffix("/")
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {line.removeprefix("!") for line in ignore if line.startswith("!")}

    assert copied == admitted
    assert "*" in ignore, "what is not named must stay out of the build"
