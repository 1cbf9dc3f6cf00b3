"""Building what has changed, and nothing else."""

from collections.abc import Sequence

from e2e.cluster import packages, privilege
from e2e.cluster.folders import Folders
from e2e.cluster.locks import held
from e2e.cluster.progress import Progress
from e2e.images import base, builder, inputs, notes
from e2e.images.builder import Buildah, Builder
from e2e.images.catalog import Image
from e2e.images.notes import Built


def build(images: Sequence[Image], folders: Folders, progress: Progress) -> None:
    """Builds the images whose inputs have changed since the last time or that the store has lost."""
    tool = builder.find()
    if isinstance(tool, Buildah):
        packages.ensure(packages.IMAGES, progress)
        privilege.become_root(folders, "e2e.images")
    with held(folders.cache / "images.lock", progress):
        present = tool.image_ids()
        settings = {"builder": tool.name}
        if isinstance(tool, Buildah):
            settings["base"] = base.ensure(folders, progress, present)
        for image in images:
            _ensure(image, tool, settings, present, folders, progress)


def _ensure(
    image: Image,
    tool: Builder,
    settings: dict[str, str],
    present: dict[str, str],
    folders: Folders,
    progress: Progress,
) -> None:
    recipe = image.dockerfile.read_text()
    declared = inputs.declared_arguments(recipe)
    arguments = {name: value for name, value in tool.arguments().items() if name in declared}
    # Asked for anew: that image may have been built just before.
    made_from = {"made from": tool.image_ids().get(image.made_from, "")} if image.made_from else {}
    digest = inputs.digest(image.context, recipe, settings | made_from)
    note = folders.cache / "built" / f"{image.name}.json"
    if notes.read(note) == Built(digest, present.get(image.tag, "")):
        progress.say(f"{image.tag}: up to date")
        return
    with progress.step(f"building {image.tag}"):
        log = folders.cache / "log" / f"image-{image.name}.log"
        tool.build(image.tag, image.context, arguments, log, image.target)
    notes.write(note, Built(digest, tool.image_ids()[image.tag]))
