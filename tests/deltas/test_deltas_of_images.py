"""Bundles whose root filesystem is one file: of an image, what is there in other blocks is not carried."""

import random
from pathlib import Path

import pytest

from bundler.deltas.applying import apply
from bundler.deltas.writing import delta
from bundler.upkeep.verification import verify
from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import file, tarball

pytestmark = pytest.mark.root


def built(folder: Path, *names: str) -> Path:
    """A bundle of an image with a file of 200 kB for each name, the same one for the same name."""
    folder.mkdir()
    content = {name: random.Random(name).randbytes(200_000) for name in names}  # noqa: S311 -- the same each time
    layer = tarball(*(file(name, part) for name, part in content.items()))
    image = write_archive(folder / "image.tar", layout_files({"1": sample(layer)}))
    bundler("build", str(image), "--rootfs", "erofs", "--quiet", "-o", folder / "b")
    return folder / "b"


def test_what_lies_elsewhere_in_an_image_is_not_carried(tmp_path: Path) -> None:
    numbers = [f"f{number:02}" for number in range(30)]
    old, new = built(tmp_path / "old", *numbers), built(tmp_path / "new", "a", *numbers[3:])
    assert 200_000 < delta(old, new, tmp_path / "d").size < 260_000
    apply(tmp_path / "d", old, tmp_path / "out")
    assert (tmp_path / "out/rootfs.erofs").read_bytes() == (new / "rootfs.erofs").read_bytes()
    assert list(verify(tmp_path / "out").changes) == []
