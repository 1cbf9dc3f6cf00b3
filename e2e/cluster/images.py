"""Container images on their way from the local builder into the from-source cluster's containerd.

They travel as Docker archives, which Docker and buildah write and containerd reads. Archives are
kept in the cache under the image's id, so that a new cluster gets them without a new export.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.command import run, succeeds
from e2e.cluster.failure import ClusterError
from e2e.cluster.folders import Folders

TRANSFER_TIMEOUT = 600.0


class Containerd:
    """The image store of the cluster's node.

    ``k8s.io`` is the namespace in which the kubelet's requests are served.
    """

    def __init__(self, socket: Path) -> None:
        self._ctr = ["ctr", "--address", str(socket), "--namespace", "k8s.io"]

    def answers(self) -> bool:
        """Says whether containerd can be talked to."""
        return succeeds([*self._ctr, "version"], timeout=5.0)

    def image_ids(self) -> dict[str, str]:
        """Returns the id of every image by name."""
        return parse_listing(run([*self._ctr, "images", "list"]))

    def load(self, archive: Path) -> None:
        """Imports a Docker archive."""
        run([*self._ctr, "images", "import", archive], timeout=TRANSFER_TIMEOUT)


def parse_listing(listing: str) -> dict[str, str]:
    """Reads ``ctr images list``: names lead to manifests, and ids are the names that start with sha256.

    A tag and the id that the kubelet's side of containerd gave it share the manifest's digest.
    """
    digests = {row[0]: row[2] for row in (line.split() for line in listing.splitlines()[1:]) if len(row) > 2}
    ids = {digest: name for name, digest in digests.items() if name.startswith("sha256:")}
    return {name: ids[digest] for name, digest in digests.items() if digest in ids and not name.startswith("sha256:")}


def archived_id(archive: Path) -> str:
    """Returns the id of the image in a Docker archive: the digest of its configuration."""
    with tarfile.open(archive) as content:
        member = content.extractfile("manifest.json")
        if member is None:
            raise ClusterError(f"{archive} is no Docker archive", f"delete {archive} and try again")
        configuration: str = json.load(member)[0]["Config"]
    digest = configuration.removeprefix("blobs/sha256/").removesuffix(".json")
    return f"sha256:{digest}"


def export(image: str, folders: Folders) -> Path:
    """Returns an archive of a local image, exporting it where the cache has none of its id yet.

    Raises:
        ClusterError: Neither Docker nor buildah has the image.
    """
    if succeeds(["docker", "image", "inspect", image]):
        identity = run(["docker", "image", "inspect", "--format", "{{.Id}}", image]).strip()
    elif succeeds(["buildah", "inspect", "--type", "image", image]):
        identity = run(["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}", image]).strip()
    else:
        raise ClusterError(
            f"neither Docker nor buildah has an image {image}", "build it first: python3 -m e2e.images build"
        )
    name = hashlib.sha256(f"{image} {identity}".encode()).hexdigest()[:16]
    target = folders.archives / f"{name}.tar"
    if not target.exists():
        folders.archives.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        _save(image, partial)
        partial.rename(target)
        _drop_older(image, target)
    return target


def _save(image: str, target: Path) -> None:
    if succeeds(["docker", "image", "inspect", image]):
        run(["docker", "image", "save", "--output", target, image], timeout=TRANSFER_TIMEOUT)
    else:
        run(["buildah", "push", "--quiet", image, f"docker-archive:{target}:{image}"], timeout=TRANSFER_TIMEOUT)


def _drop_older(image: str, newest: Path) -> None:
    """Deletes the archives of the image's earlier builds, which a note beside each names."""
    note = newest.with_suffix(".name")
    for other in newest.parent.glob("*.name"):
        if other.read_text() == image and other != note:
            other.with_suffix(".tar").unlink(missing_ok=True)
            other.unlink()
    note.write_text(image)


def write_archive(target: Path, image: str, program: Path) -> None:
    """Writes a Docker archive of an image that holds one static program and nothing else.

    This needs no builder, so that a cluster can start without one.
    """
    layer = _tar([(program.name, program.read_bytes())])
    configuration = json.dumps(
        {
            "architecture": _architecture(program),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created_by": "seatrial"}],
        }
    ).encode()
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [image], "Layers": ["layer.tar"]}]).encode()
    target.write_bytes(_tar([("layer.tar", layer), (name, configuration), ("manifest.json", manifest)]))


def _tar(files: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _architecture(program: Path) -> str:
    """Reads the processor from the program's ELF header (e_machine, at byte 18)."""
    machine = int.from_bytes(program.read_bytes()[18:20], "little")
    names = {62: "amd64", 183: "arm64"}
    if machine not in names:
        raise ClusterError(f"{program} is for an unknown processor (ELF machine {machine})", "use kind or --context")
    return names[machine]
