from pathlib import Path

import pytest

from e2e.cluster.failure import ClusterError
from e2e.images import builder, catalog, inputs, notes
from e2e.images.notes import Built

DOCKERFILE = """\
# COPY commented /out
ARG BASE_IMAGE=debian
FROM ${BASE_IMAGE} AS build
ARG PIP_CERT
COPY --chmod=0755 run.sh \\
     settings/ /app/
FROM ${BASE_IMAGE}
COPY --from=build /app /app
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "a.conf").write_text("a")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "unrelated.txt").write_text("x")
    return tmp_path


def test_only_what_comes_from_the_context_is_an_input() -> None:
    assert inputs.copied(DOCKERFILE) == ["run.sh", "settings/"]


def test_declared_arguments_are_found_without_their_defaults() -> None:
    assert inputs.declared_arguments(DOCKERFILE) == {"BASE_IMAGE", "PIP_CERT"}


def test_a_change_of_an_input_changes_the_digest(context: Path) -> None:
    before = inputs.digest(context, DOCKERFILE, {})
    assert inputs.digest(context, DOCKERFILE, {}) == before
    (context / "settings" / "b.conf").write_text("b")
    added = inputs.digest(context, DOCKERFILE, {})
    (context / "run.sh").chmod(0o755)
    assert len({before, added, inputs.digest(context, DOCKERFILE, {})}) == 3


def test_a_change_beside_the_inputs_changes_nothing(context: Path) -> None:
    before = inputs.digest(context, DOCKERFILE, {})
    (context / "unrelated.txt").write_text("y")
    (context / "settings" / "__pycache__").mkdir()
    (context / "settings" / "__pycache__" / "a.pyc").write_text("y")
    assert inputs.digest(context, DOCKERFILE, {}) == before


def test_recipe_and_base_belong_to_the_digest(context: Path) -> None:
    digests = {
        inputs.digest(context, DOCKERFILE, {"base": "1"}),
        inputs.digest(context, DOCKERFILE, {"base": "2"}),
        inputs.digest(context, DOCKERFILE + "USER 1\n", {"base": "1"}),
    }
    assert len(digests) == 3


def test_a_note_reads_back_and_a_broken_one_is_none(tmp_path: Path) -> None:
    note = tmp_path / "built" / "app.json"
    assert notes.read(note) is None
    notes.write(note, Built("d", "i"))
    assert notes.read(note) == Built("d", "i")
    note.write_text('{"digest": "d"')
    assert notes.read(note) is None


def test_ids_are_read_with_and_without_their_prefix() -> None:
    listing = "localhost/a:dev sha256:1\nlocalhost/b:dev 2\n<none>:<none> \n"
    assert builder.parse_listing(listing) == {"localhost/a:dev": "1", "localhost/b:dev": "2"}


def test_every_example_has_an_image_and_the_operator_is_first(tmp_path: Path) -> None:
    for name in ("web", "db"):
        (tmp_path / "examples" / "services" / name).mkdir(parents=True)
        (tmp_path / "examples" / "services" / name / "Dockerfile").touch()
    images = catalog.images(tmp_path)
    assert [image.tag for image in images] == [
        "localhost/seatrial:dev",
        "localhost/seatrial-k6:dev",
        "localhost/seatrial-locust:dev",
        "localhost/seatrial-example-db:dev",
        "localhost/seatrial-example-web:dev",
        "localhost/seatrial-example-scripts:dev",
    ]
    assert catalog.select(images, ["web"]) == [images[4]]


def test_an_unknown_image_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match=r"unknown image: nope\n  remedy: choose from seatrial"):
        catalog.select(catalog.images(), ["nope"])
