"""The base image for machines that reach no image registry: Debian with Python, by debootstrap.

Its root file system is kept as an archive in the cache, so that only the first run of a machine
fetches the packages.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.command import run
from e2e.cluster.folders import Folders
from e2e.cluster.progress import Progress
from e2e.images import notes
from e2e.images.notes import Built

SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
BASE_IMAGE = f"localhost/seatrial-base:{SUITE}"
CONTAINERFILE = """FROM scratch
ADD rootfs.tar /
CMD ["/bin/sh"]
"""
# What the official slim image leaves out as well; the folders stay, because packages expect them.
NOT_NEEDED = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def ensure(folders: Folders, progress: Progress, present: dict[str, str]) -> str:
    """Returns the base image's id, making it where the store has none.

    Args:
        folders: Whose cache keeps the root file system.
        progress: Told.
        present: The ids of the images in buildah's store by tag.
    """
    key = _key()
    note = folders.cache / "built" / "base.json"
    if notes.read(note) == Built(key, present.get(BASE_IMAGE, "")):
        return present[BASE_IMAGE]
    archive = _archive(folders, key, progress)
    with progress.step(f"building {BASE_IMAGE}"), _scratch(folders) as scratch:
        (scratch / "Containerfile").write_text(CONTAINERFILE)
        (scratch / "rootfs.tar").hardlink_to(archive)
        identity = scratch / "id"
        words: list[str | Path] = [
            "buildah",
            "bud",
            "--isolation",
            "chroot",
            "--iidfile",
            identity,
            "--tag",
            BASE_IMAGE,
            scratch,
        ]
        run(words, timeout=600)
        built = Built(key, identity.read_text().strip().removeprefix("sha256:"))
    notes.write(note, built)
    return built.identity


def _key() -> str:
    recipe = f"{SUITE} {PACKAGES} {NOT_NEEDED} {CONTAINERFILE}"
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _archive(folders: Folders, key: str, progress: Progress) -> Path:
    target = folders.cache / f"rootfs-{SUITE}-{key}.tar"
    if target.exists():
        return target
    with progress.step(f"debootstrap {SUITE} (about a minute)"), _scratch(folders) as scratch:
        root = scratch / "rootfs"
        run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root], timeout=1200)
        for name in NOT_NEEDED:
            _empty(root / name)
        run(
            ["tar", "--create", "--numeric-owner", "--file", scratch / "rootfs.tar", "--directory", root, "."],
            timeout=300,
        )
        (scratch / "rootfs.tar").rename(target)
    return target


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _scratch(folders: Folders) -> Iterator[Path]:
    """Makes a folder beside the archives, on the same disk, so that they can be renamed and linked."""
    folders.cache.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="image-", dir=folders.cache))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch)
