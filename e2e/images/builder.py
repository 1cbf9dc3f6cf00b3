"""The programs that build images: Docker, or buildah where no Docker daemon runs."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from e2e.cluster.command import run, succeeds
from e2e.cluster.failure import ClusterError
from e2e.images import trust
from e2e.images.base import BASE_IMAGE

BUILD_TIMEOUT = 1800.0
# Handed to a Dockerfile that declares them, where the machine's environment has them.
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Builder(Protocol):
    """What builds and keeps images."""

    name: str

    def image_ids(self) -> dict[str, str]:
        """Returns the id of each image in the store by its tag."""

    def arguments(self) -> dict[str, str]:
        """Returns the build arguments that this builder offers to a Dockerfile."""

    def build(self, tag: str, context: Path, arguments: Mapping[str, str], log: Path, target: str = "") -> None:
        """Builds the Dockerfile of a folder, or a stage of it; what the build says goes into the log."""


def find() -> Builder:
    """Returns the builder of this machine: Docker where its daemon answers, else buildah."""
    return Docker() if succeeds(["docker", "info"]) else Buildah()


class Docker:
    """Docker, on the public base images that the Dockerfiles name themselves."""

    name = "docker"

    def image_ids(self) -> dict[str, str]:
        """Returns ids by tag."""
        return parse_listing(run(["docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]))

    def arguments(self) -> dict[str, str]:
        """Returns the settings of the machine's environment, and a base image where one is named there."""
        base = os.environ.get("SEATRIAL_BASE_IMAGE")
        return _from_environment() | ({"BASE_IMAGE": base} if base else {})

    def build(self, tag: str, context: Path, arguments: Mapping[str, str], log: Path, target: str = "") -> None:
        """Builds."""
        _logged(["docker", "build", "--tag", tag, *_stage(target), *_flags(arguments), str(context)], tag, log)


class Buildah:
    """Buildah, on a base image of its own, because it is for machines without a registry as well."""

    name = "buildah"

    def image_ids(self) -> dict[str, str]:
        """Returns ids by tag."""
        return parse_listing(run(["buildah", "images", "--no-trunc", "--format", "{{.Name}}:{{.Tag}} {{.ID}}"]))

    def arguments(self) -> dict[str, str]:
        """Returns the base image, the machine's certificates and the settings of its environment."""
        certificates = {"PIP_CERT": trust.INSIDE} if trust.bundle() else {}
        return _from_environment() | {"BASE_IMAGE": BASE_IMAGE} | certificates

    def build(self, tag: str, context: Path, arguments: Mapping[str, str], log: Path, target: str = "") -> None:
        """Builds without a daemon, and without the rights that a container needs (isolation chroot)."""
        bundle = trust.bundle()
        volume = [] if bundle is None else ["--volume", f"{bundle}:{trust.INSIDE}:ro"]
        words = ["buildah", "bud", "--isolation", "chroot", "--layers", "--tag", tag]
        _logged([*words, *_stage(target), *volume, *_flags(arguments), str(context)], tag, log)


def parse_listing(listing: str) -> dict[str, str]:
    """Reads lines of a tag and an id."""
    rows = [line.split() for line in listing.splitlines()]
    return {row[0]: row[1].removeprefix("sha256:") for row in rows if len(row) == 2}


def _from_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}


def _stage(target: str) -> list[str]:
    return ["--target", target] if target else []


def _flags(arguments: Mapping[str, str]) -> list[str]:
    return [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]


def _logged(argv: list[str], tag: str, log: Path) -> None:
    """Runs a build.

    Raises:
        ClusterError: It failed, with the last lines of its log, or took over half an hour.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=BUILD_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"building {tag} took over {BUILD_TIMEOUT:.0f} s", f"see {log}") from error
    if done.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise ClusterError(f"building {tag} failed:\n{last}", f"the whole log is {log}")
