import shutil
from pathlib import Path

from e2e.cluster import images

LISTING = """\
REF                                     TYPE                                         DIGEST     SIZE  PLATFORMS   LABELS
localhost/app:dev                       application/vnd.docker.distribution.manifest sha256:m1  9 MiB linux/amd64 -
sha256:c1                               application/vnd.docker.distribution.manifest sha256:m1  9 MiB linux/amd64 -
localhost/half-imported:dev             application/vnd.docker.distribution.manifest sha256:m2  9 MiB linux/amd64 -
"""


def test_a_tag_has_the_id_that_shares_its_manifest() -> None:
    assert images.parse_listing(LISTING) == {"localhost/app:dev": "sha256:c1"}


def test_an_empty_store_has_no_images() -> None:
    assert images.parse_listing("REF TYPE DIGEST SIZE PLATFORMS LABELS\n") == {}


def test_an_archive_of_one_program_is_the_same_each_time(tmp_path: Path) -> None:
    program = Path(shutil.which("true") or "/bin/true")
    ids = []
    for name in ("first.tar", "second.tar"):
        images.write_archive(tmp_path / name, "localhost/one:1", program)
        ids.append(images.archived_id(tmp_path / name))
    assert ids[0] == ids[1]
    assert ids[0].startswith("sha256:")
