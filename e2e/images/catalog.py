"""Which images there are: the operator's own, those of the engines of load, and those of the examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from e2e.cluster.failure import ClusterError

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Image:
    """One image that the repository knows how to build.

    Attributes:
        name: Short name for the command line.
        tag: Full name in the builder's store and on the cluster's nodes.
        context: Folder the build reads from, with the ``Dockerfile`` in it.
        target: The stage of the ``Dockerfile`` that is built; empty for the last.
        made_from: Tag of another image here that it is made from; it is built before.
    """

    name: str
    tag: str
    context: Path
    target: str = ""
    made_from: str = ""

    @property
    def dockerfile(self) -> Path:
        """The recipe."""
        return self.context / "Dockerfile"


def images(repository: Path = REPOSITORY) -> list[Image]:
    """Returns every image, the operator's first."""
    services = sorted((repository / "examples" / "services").glob("*/Dockerfile"))
    own = Image("seatrial", "localhost/seatrial:dev", repository)
    engines = [Image(name, f"localhost/{name}:dev", repository, name) for name in ("seatrial-k6", "seatrial-locust")]
    scripts = replace(_example(repository / "examples" / "scripts"), made_from=engines[0].tag)
    return [own, *engines, *(_example(dockerfile.parent) for dockerfile in services), scripts]


def select(known: Sequence[Image], names: Sequence[str]) -> list[Image]:
    """Returns the images of these names, or all where none is given.

    Raises:
        ClusterError: A name is unknown.
    """
    by_name = {image.name: image for image in known}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ClusterError(f"unknown image: {', '.join(unknown)}", f"choose from {', '.join(by_name)}")
    return [by_name[name] for name in names] if names else list(known)


def _example(context: Path) -> Image:
    return Image(context.name, f"localhost/seatrial-example-{context.name}:dev", context)
